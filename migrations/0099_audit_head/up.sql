-- The books that there are.
CREATE VIEW audit.heads AS
SELECT
    CASE b.book_id WHEN 0 THEN b.family ELSE concat_ws('/', b.region, b.family, b.year) END AS book,
    e.book_id AS book_no,
    e.state AS state,
    e.size AS size,
    encode(e.root, 'hex') AS root,
    e.last_at AS last_at,
    b.opened_at AS opened_at
FROM book_head e JOIN book b ON b.book_id = e.book_id;
COMMENT ON VIEW audit.heads IS 'Every book with its state and the head of its log';
COMMENT ON COLUMN audit.heads.book IS 'Name of the book: region, family and year, register for the register book';
COMMENT ON COLUMN audit.heads.book_no IS 'Number of the book';
COMMENT ON COLUMN audit.heads.state IS 'prepared, open or closed';
COMMENT ON COLUMN audit.heads.size IS 'How many entries it has';
COMMENT ON COLUMN audit.heads.root IS 'Root of its Merkle tree, a signed checkpoint of this size has the same';
COMMENT ON COLUMN audit.heads.last_at IS 'Time of the last entry';
COMMENT ON COLUMN audit.heads.opened_at IS 'When the book was opened';
GRANT SELECT ON audit.heads TO tradein_auditor;
