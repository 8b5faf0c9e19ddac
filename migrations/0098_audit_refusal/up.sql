-- Who was refused, and why.
CREATE VIEW audit.refusals AS
SELECT
    CASE b.book_id WHEN 0 THEN b.family ELSE concat_ws('/', b.region, b.family, b.year) END AS book,
    e.at AS at,
    e.status AS status,
    e.codes[1] AS code,
    e.codes AS codes,
    'sha256:' || encode(e.rule, 'hex') AS rule
FROM answer e JOIN book b ON b.book_id = e.book_id
WHERE cardinality(e.codes) > 0;
COMMENT ON VIEW audit.refusals IS 'Every no by the rules: what a book has answered and keeps';
COMMENT ON COLUMN audit.refusals.book IS 'Name of the book: region, family and year, register for the register book';
COMMENT ON COLUMN audit.refusals.at IS 'When it was refused';
COMMENT ON COLUMN audit.refusals.status IS 'HTTP status of the answer';
COMMENT ON COLUMN audit.refusals.code IS 'Code of the first rule that refused';
COMMENT ON COLUMN audit.refusals.codes IS 'Codes of all rules that refused, in their order';
COMMENT ON COLUMN audit.refusals.rule IS 'Content hash of the rule text, where one was acting';
GRANT SELECT ON audit.refusals TO tradein_auditor;
