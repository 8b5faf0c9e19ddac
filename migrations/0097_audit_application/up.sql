-- What was applied for.
CREATE VIEW audit.applications AS
SELECT
    CASE b.book_id WHEN 0 THEN b.family ELSE concat_ws('/', b.region, b.family, b.year) END AS book,
    concat('app_', e.book_id, '_', replace(e.application_id::text, '-', '')) AS application,
    CASE WHEN e.first_id IS NOT NULL THEN concat('app_', coalesce(e.first_book, e.book_id), '_', replace(e.first_id::text, '-', '')) END AS first,
    encode(e.subject, 'hex') AS subject,
    e.class AS class,
    e.state AS state,
    e.amount_fen AS amount_fen,
    e.granted_fen AS granted_fen,
    'sha256:' || encode(e.rule, 'hex') AS rule,
    e.decided_at AS decided_at,
    e.submitted_at AS submitted_at,
    e.until AS until
FROM application e JOIN book b ON b.book_id = e.book_id;
COMMENT ON VIEW audit.applications IS 'Every application as it stands: a purchase that was over when it was submitted';
COMMENT ON COLUMN audit.applications.book IS 'Name of the book: region, family and year, register for the register book';
COMMENT ON COLUMN audit.applications.application IS 'Id';
COMMENT ON COLUMN audit.applications.first IS 'Id of the application that this one adds to';
COMMENT ON COLUMN audit.applications.subject IS 'Pseudonym of the applicant in this book';
COMMENT ON COLUMN audit.applications.class IS 'Class of the goods';
COMMENT ON COLUMN audit.applications.state IS 'submitted, correction_requested, approved, payable, rejected, withdrawn or lapsed';
COMMENT ON COLUMN audit.applications.amount_fen IS 'Amount that was set aside, in fen';
COMMENT ON COLUMN audit.applications.granted_fen IS 'Amount that was granted, in fen';
COMMENT ON COLUMN audit.applications.rule IS 'Content hash of the rule text';
COMMENT ON COLUMN audit.applications.decided_at IS 'Day of the last document, by which the rules are chosen';
COMMENT ON COLUMN audit.applications.submitted_at IS 'When it was submitted';
COMMENT ON COLUMN audit.applications.until IS 'Until when a correction is awaited';
GRANT SELECT ON audit.applications TO tradein_auditor;
