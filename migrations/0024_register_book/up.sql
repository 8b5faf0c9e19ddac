-- The register book is there from the first moment; its tree is empty (the root of RFC 6962 for
-- no leaves is SHA-256 of nothing). It has no entry yet, so its time may begin anywhere: a sandbox
-- tells stories of other years.
INSERT INTO book (book_id, region, family, year, opened_at)
VALUES (0, '100000', 'register', 0, now());
INSERT INTO book_head (book_id, state, size, frontier, root, last_at)
VALUES (0, 'open', 0, '', sha256(''), '2000-01-01 00:00:00+00');
INSERT INTO gate_epoch (id, counter) VALUES (1, 1);
INSERT INTO stamp (name, version) VALUES ('programmes', 1), ('goods', 1);
