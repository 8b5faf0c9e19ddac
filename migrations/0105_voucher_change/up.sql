-- What may change of a voucher, and the version that was read.
CREATE TYPE voucher_change AS (
    voucher_id uuid,
    state text,
    locked_until timestamptz,
    redemption_id uuid,
    version bigint,
    was bigint
);
