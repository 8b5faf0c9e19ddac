-- The key of a quota and of a tally.
CREATE TYPE person_key AS (
    bucket smallint,
    person_id uuid,
    key text
);
