-- A mark as it is to be.
CREATE TYPE mark_row AS (
    bucket smallint,
    kind text,
    digest bytea,
    book_id integer,
    holder uuid,
    until timestamptz,
    version bigint
);
