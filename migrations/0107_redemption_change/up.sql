-- What may change of a redemption, and the version that was read.
CREATE TYPE redemption_change AS (
    redemption_id uuid,
    state text,
    captured_at timestamptz,
    version bigint,
    was bigint
);
