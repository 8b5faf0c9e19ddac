-- The promise to a person. Narrow, and its state stands in no index, so that an update touches
-- one page (HOT).
CREATE TABLE voucher (
    book_id integer NOT NULL,
    voucher_id uuid NOT NULL,
    bucket smallint NOT NULL,
    person_id uuid NOT NULL,
    subject bytea NOT NULL,
    class text NOT NULL,
    channel text NOT NULL,
    region text NOT NULL,
    rule bytea NOT NULL,
    quota_key text NOT NULL,
    lapse_key text,
    code_key smallint NOT NULL,
    code_digest bytea,
    state text NOT NULL,
    hold_fen bigint NOT NULL,
    claimed_at timestamptz NOT NULL,
    until timestamptz NOT NULL,
    locked_until timestamptz,
    redemption_id uuid,
    version bigint NOT NULL,
    CONSTRAINT voucher_hold_check CHECK (hold_fen >= 0)
) WITH (fillfactor = 70);
GRANT SELECT, INSERT, UPDATE ON voucher TO tradein_app;
