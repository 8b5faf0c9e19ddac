-- A voucher used for one purchase. Its facts are those of the till at the reservation; what it
-- took in the registers stands here so that its end can free it.
CREATE TABLE redemption (
    book_id integer NOT NULL,
    redemption_id uuid NOT NULL,
    voucher_id uuid NOT NULL,
    organisation_id uuid NOT NULL,
    store_id uuid,
    class text NOT NULL,
    rule bytea NOT NULL,
    state text NOT NULL,
    amount_fen bigint NOT NULL,
    facts text NOT NULL,
    lines text NOT NULL,
    mark_buckets smallint[] NOT NULL,
    mark_kinds text[] NOT NULL,
    mark_digests bytea[] NOT NULL,
    cap_key text,
    tranche text,
    is_checkout boolean NOT NULL,
    needs_review boolean NOT NULL,
    old_item text,
    reserved_at timestamptz NOT NULL,
    until timestamptz NOT NULL,
    captured_at timestamptz,
    version bigint NOT NULL,
    CONSTRAINT redemption_amount_check CHECK (amount_fen > 0)
) WITH (fillfactor = 70);
GRANT SELECT, INSERT, UPDATE ON redemption TO tradein_app;
