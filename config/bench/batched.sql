-- The same writes for 256 redemptions at once: one transaction, set-based, one writer. It reads
-- nothing and decides nothing, and its data is made in the server: a ceiling, not a service.
\set turn :turn + 1
\set first :turn * 256 + :base
BEGIN;
UPDATE head SET size = size + 256 WHERE book_id = 1 RETURNING size - 256 AS seq \gset
WITH due AS MATERIALIZED (
    SELECT s.seq, d.n, id(d.n) AS v, id(s.seq) AS r, sha256(s.seq::text::bytea) AS digest
    FROM generate_series(0, 255) k,
    LATERAL (SELECT (k::int8+:first)*157933%400000 AS n) d,
    LATERAL (SELECT :seq + k AS seq) s
), vouchers AS (
    UPDATE voucher SET state = 'redeemed', redemption_id = r, version = version + 1
    FROM due WHERE book_id = 1 AND voucher_id = v
), quotas AS (
    UPDATE quota SET state = 1, until = NULL, version = version + 1 FROM due
    WHERE bucket = (n % 4096)::smallint AND person_id = v AND key = '310000/2024/refrigerator'
), redemptions AS (
    INSERT INTO redemption SELECT 1, r, v, id(seq % 50), 179980, repeat('f', 400), 'captured',
        now() FROM due
), marks AS (
    INSERT INTO mark SELECT (seq % m)::smallint, kind, digest, 1, v
    FROM due, (VALUES (4096, 'serial'), (4093, 'order_no')) k(m, kind)
), entries AS (
    INSERT INTO entry SELECT 1, seq, now(), 'redemption.captured', r, repeat('l', 653)::bytea,
        digest FROM due
), postings AS (
    INSERT INTO posting SELECT 1, seq, leg, account, fen
    FROM due, (VALUES (1, 'held', -200000), (2, 'committed', 179980), (3, 'available', 20020))
        l(leg, account, fen)
)
INSERT INTO answer SELECT 1, digest, digest, 201, repeat('a', 387)::bytea FROM due;
UPDATE balance b SET fen = b.fen + 256 * c.fen
    FROM (VALUES ('available', 20020), ('committed', 179980), ('held', -200000)) c(account, fen)
    WHERE b.book_id = 1 AND b.account = c.account;
COMMIT;
