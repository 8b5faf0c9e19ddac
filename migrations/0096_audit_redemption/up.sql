-- What was subsidised at tills.
CREATE VIEW audit.redemptions AS
SELECT
    CASE b.book_id WHEN 0 THEN b.family ELSE concat_ws('/', b.region, b.family, b.year) END AS book,
    concat('rdm_', e.book_id, '_', replace(e.redemption_id::text, '-', '')) AS redemption,
    concat('vch_', e.book_id, '_', replace(e.voucher_id::text, '-', '')) AS voucher,
    encode(v.subject, 'hex') AS subject,
    concat('org_0_', replace(e.organisation_id::text, '-', '')) AS retailer,
    e.class AS class,
    e.state AS state,
    e.amount_fen AS amount_fen,
    'sha256:' || encode(e.rule, 'hex') AS rule,
    e.reserved_at AS reserved_at,
    e.until AS until,
    e.captured_at AS captured_at
FROM redemption e JOIN book b ON b.book_id = e.book_id
JOIN voucher v ON v.book_id = e.book_id AND v.voucher_id = e.voucher_id;
COMMENT ON VIEW audit.redemptions IS 'Every redemption as it stands: one purchase at a till';
COMMENT ON COLUMN audit.redemptions.book IS 'Name of the book: region, family and year, register for the register book';
COMMENT ON COLUMN audit.redemptions.redemption IS 'Id';
COMMENT ON COLUMN audit.redemptions.voucher IS 'Id of the voucher that was used';
COMMENT ON COLUMN audit.redemptions.subject IS 'Pseudonym of the person in this book';
COMMENT ON COLUMN audit.redemptions.retailer IS 'Id of the retailer that is paid';
COMMENT ON COLUMN audit.redemptions.class IS 'Class of the goods';
COMMENT ON COLUMN audit.redemptions.state IS 'reserved, captured, cancelled, ended or disputed';
COMMENT ON COLUMN audit.redemptions.amount_fen IS 'Subsidy in fen';
COMMENT ON COLUMN audit.redemptions.rule IS 'Content hash of the rule text';
COMMENT ON COLUMN audit.redemptions.reserved_at IS 'When amount and rule text were fixed';
COMMENT ON COLUMN audit.redemptions.until IS 'When the reservation ends unless captured';
COMMENT ON COLUMN audit.redemptions.captured_at IS 'When the goods were handed over';
GRANT SELECT ON audit.redemptions TO tradein_auditor;
