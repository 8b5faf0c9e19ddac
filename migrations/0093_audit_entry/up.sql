-- The ledger itself.
CREATE VIEW audit.entries AS
SELECT
    CASE b.book_id WHEN 0 THEN b.family ELSE concat_ws('/', b.region, b.family, b.year) END AS book,
    e.book_id AS book_no,
    e.seq AS seq,
    e.at AS at,
    e.kind AS kind,
    e.about AS thing,
    convert_from(e.leaf, 'UTF8')::jsonb ->> 'subj' AS subject,
    convert_from(e.leaf, 'UTF8')::jsonb ->> 'rule' AS rule,
    convert_from(e.leaf, 'UTF8')::jsonb AS leaf,
    encode(e.leaf_hash, 'hex') AS leaf_hash
FROM entry e JOIN book b ON b.book_id = e.book_id;
COMMENT ON VIEW audit.entries IS 'Every entry of every book, in the order of book and seq';
COMMENT ON COLUMN audit.entries.book IS 'Name of the book: region, family and year, register for the register book';
COMMENT ON COLUMN audit.entries.book_no IS 'Number of the book, as ids have it';
COMMENT ON COLUMN audit.entries.seq IS 'Place in the log of the book, from 0, without gaps';
COMMENT ON COLUMN audit.entries.at IS 'When the batch of the entry was committed';
COMMENT ON COLUMN audit.entries.kind IS 'Entry type, such as redemption.captured';
COMMENT ON COLUMN audit.entries.thing IS 'What the entry is about: the last part of its id';
COMMENT ON COLUMN audit.entries.subject IS 'Pseudonym of the person in this book';
COMMENT ON COLUMN audit.entries.rule IS 'Content hash of the rule text that decided: sha256: and 64 digits';
COMMENT ON COLUMN audit.entries.leaf IS 'The whole leaf, its canonical bytes are what was hashed';
COMMENT ON COLUMN audit.entries.leaf_hash IS 'SHA-256 of the byte 00 and the leaf, as in RFC 6962';
GRANT SELECT ON audit.entries TO tradein_auditor;
