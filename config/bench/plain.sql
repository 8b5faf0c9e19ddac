-- One redemption as one plain transaction, statement by statement, prepared. `turn` counts up in
-- each client; the factor has no divisor in common with the number of vouchers, so that each is
-- redeemed once, in scattered order.
\set turn :turn + 1
\set n (:turn * :clients + :client_id + :base) * 157933 % 400000
BEGIN;
UPDATE head SET size = size + 1 WHERE book_id = 1 RETURNING size - 1 AS seq \gset
SELECT voucher_id AS v, class, rule, state, hold_fen, until, version FROM voucher
    WHERE book_id = 1 AND voucher_id = id(:n) \gset v_
UPDATE voucher SET state = 'redeemed', redemption_id = id(:seq), version = version + 1
    WHERE book_id = 1 AND voucher_id = id(:n);
UPDATE quota SET state = 1, until = NULL, version = version + 1
    WHERE bucket = (:n % 4096)::smallint AND person_id = id(:n)
    AND key = '310000/2024/refrigerator';
INSERT INTO redemption VALUES (1, id(:seq), id(:n), id(:seq % 50), 179980, repeat('f', 400),
    'captured', now());
INSERT INTO mark VALUES ((:seq % 4096)::smallint, 'serial', sha256(:seq::text::bytea), 1, id(:n)),
    ((:seq % 4093)::smallint, 'order_no', sha256(:seq::text::bytea), 1, id(:n));
INSERT INTO entry VALUES (1, :seq, now(), 'redemption.captured', id(:seq),
    repeat('l', 653)::bytea, sha256(:seq::text::bytea));
INSERT INTO posting VALUES (1, :seq, 1, 'held', -200000), (1, :seq, 2, 'committed', 179980),
    (1, :seq, 3, 'available', 20020);
INSERT INTO answer VALUES (1, sha256(:seq::text::bytea), sha256(:seq::text::bytea), 201,
    repeat('a', 387)::bytea);
UPDATE balance b SET fen = b.fen + c.fen
    FROM (VALUES ('available', 20020), ('committed', 179980), ('held', -200000)) c(account, fen)
    WHERE b.book_id = 1 AND b.account = c.account;
COMMIT;
