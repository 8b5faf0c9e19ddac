-- The register book is there from the first moment; its tree is empty (the root of RFC 6962 for
-- no leaves is SHA-256 of nothing).
INSERT INTO book (book_id, region, family, year, opened_at)
VALUES (0, '100000', 'register', 0, now());
INSERT INTO book_head (book_id, state, size, frontier, root, last_at)
VALUES (0, 'open', 0, '', sha256(''), now());
INSERT INTO gate_epoch (id, counter) VALUES (1, 1);
INSERT INTO stamp (name, version) VALUES ('programmes', 1), ('goods', 1);
