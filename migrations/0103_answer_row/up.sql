-- The answers of a batch.
CREATE TYPE answer_row AS (
    key bytea,
    fingerprint bytea,
    status smallint,
    body bytea,
    codes text[],
    rule bytea
);
