-- The yardstick's tables: what a careful hand would make for one redemption, row for row and
-- about byte for byte what a capture of ours writes. No index but those that a look-up needs.
CREATE TABLE head (book_id int PRIMARY KEY, size bigint, frontier bytea, root bytea)
    WITH (fillfactor = 10);
CREATE TABLE voucher (book_id int, voucher_id uuid, person_id uuid, class text, rule bytea,
    state text, hold_fen bigint, until timestamptz, redemption_id uuid, version bigint,
    PRIMARY KEY (book_id, voucher_id)) WITH (fillfactor = 70);
CREATE TABLE quota (bucket smallint, person_id uuid, key text, holder uuid, state smallint,
    until timestamptz, version bigint, PRIMARY KEY (bucket, person_id, key))
    WITH (fillfactor = 70);
CREATE TABLE redemption (book_id int, redemption_id uuid, voucher_id uuid, organisation_id uuid,
    amount_fen bigint, facts text, state text, captured_at timestamptz,
    PRIMARY KEY (book_id, redemption_id));
CREATE TABLE mark (bucket smallint, kind text, digest bytea, book_id int, holder uuid,
    PRIMARY KEY (bucket, kind, digest));
CREATE TABLE entry (book_id int, seq bigint, at timestamptz, kind text, about uuid, leaf bytea,
    leaf_hash bytea, PRIMARY KEY (book_id, seq));
CREATE TABLE posting (book_id int, seq bigint, leg smallint, account text, amount_fen bigint,
    PRIMARY KEY (book_id, seq, leg));
CREATE TABLE answer (book_id int, key bytea, fingerprint bytea, status smallint, body bytea,
    PRIMARY KEY (book_id, key));
CREATE TABLE balance (book_id int, account text, fen bigint, PRIMARY KEY (book_id, account))
    WITH (fillfactor = 20);

-- The identifier of the n-th voucher: ordered in time, as ours are.
CREATE FUNCTION id(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN lpad(to_hex(n), 32, '0')::uuid;

INSERT INTO head VALUES (1, 0, decode(repeat('00', 512), 'hex'), decode(repeat('00', 32), 'hex'));
INSERT INTO voucher SELECT 1, id(n), id(n), 'appliance.refrigerator',
    decode(repeat('00', 32), 'hex'), 'claimed', 200000, now() + interval '8 days', NULL, 0
    FROM generate_series(0, 399999) n;
INSERT INTO quota SELECT n % 4096, id(n), '310000/2024/refrigerator', id(n), 0,
    now() + interval '8 days', 0 FROM generate_series(0, 399999) n;
INSERT INTO balance VALUES (1, 'available', 0), (1, 'committed', 0), (1, 'held', 800000000000);
VACUUM ANALYZE;
CHECKPOINT;
