-- The key of a mark.
CREATE TYPE mark_key AS (
    bucket smallint,
    kind text,
    digest bytea
);
