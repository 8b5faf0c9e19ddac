-- What a batch appends to the log, as one array of rows. A statement that takes a column an
-- array sets up a scan for each of them, which costs a lone command more than its insert.
-- Never altered: a program sends exactly these columns. Another list is another type.
CREATE TYPE entry_row AS (
    seq bigint,
    kind text,
    about uuid,
    leaf bytea,
    leaf_hash bytea,
    accounts text[],
    amounts bigint[]
);
