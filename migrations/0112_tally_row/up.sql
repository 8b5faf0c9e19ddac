-- A tally as it is to be.
CREATE TYPE tally_row AS (
    bucket smallint,
    person_id uuid,
    key text,
    held_fen bigint,
    used_fen bigint,
    count bigint,
    version bigint
);
