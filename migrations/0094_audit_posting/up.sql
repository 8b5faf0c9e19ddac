-- Double entry, leg by leg.
CREATE VIEW audit.postings AS
SELECT
    CASE b.book_id WHEN 0 THEN b.family ELSE concat_ws('/', b.region, b.family, b.year) END AS book,
    e.book_id AS book_no,
    e.seq AS seq,
    e.at AS at,
    e.kind AS kind,
    e.about AS thing,
    e.leg AS leg,
    e.account AS account,
    e.amount_fen AS amount_fen
FROM posting e JOIN book b ON b.book_id = e.book_id;
COMMENT ON VIEW audit.postings IS 'The money legs of the entries, one row each, those of one entry sum to zero';
COMMENT ON COLUMN audit.postings.book IS 'Name of the book: region, family and year, register for the register book';
COMMENT ON COLUMN audit.postings.book_no IS 'Number of the book';
COMMENT ON COLUMN audit.postings.seq IS 'Entry of the leg';
COMMENT ON COLUMN audit.postings.at IS 'Time of the entry';
COMMENT ON COLUMN audit.postings.kind IS 'Type of the entry';
COMMENT ON COLUMN audit.postings.thing IS 'What the entry is about';
COMMENT ON COLUMN audit.postings.leg IS 'Place of the leg in the entry, from 1';
COMMENT ON COLUMN audit.postings.account IS 'Budget bucket';
COMMENT ON COLUMN audit.postings.amount_fen IS 'Fen, above zero into the account, below zero out of it';
GRANT SELECT ON audit.postings TO tradein_auditor;
