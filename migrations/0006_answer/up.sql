-- What a book has answered to an idempotency key, refusals too. Never changed, never deleted.
CREATE TABLE answer (
    book_id integer NOT NULL,
    key bytea NOT NULL,
    fingerprint bytea NOT NULL,
    status smallint NOT NULL,
    body bytea NOT NULL,
    codes text[] NOT NULL,
    rule bytea,
    at timestamptz NOT NULL,
    CONSTRAINT answer_pkey PRIMARY KEY (book_id, key)
);
GRANT SELECT, INSERT ON answer TO tradein_app;
