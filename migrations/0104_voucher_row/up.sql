-- A new voucher.
CREATE TYPE voucher_row AS (
    voucher_id uuid,
    bucket smallint,
    person_id uuid,
    subject bytea,
    class text,
    channel text,
    region text,
    rule bytea,
    quota_key text,
    lapse_key text,
    code_key smallint,
    code_digest bytea,
    state text,
    hold_fen bigint,
    claimed_at timestamptz,
    until timestamptz,
    locked_until timestamptz,
    redemption_id uuid,
    version bigint
);
