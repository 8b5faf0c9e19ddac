-- One row a book: the fence between instances, and the right edge of its Merkle tree. Every batch
-- updates it, so its page has room for many versions of it.
CREATE TABLE book_head (
    book_id integer NOT NULL,
    state text NOT NULL,
    size bigint NOT NULL,
    frontier bytea NOT NULL,
    root bytea NOT NULL,
    last_at timestamptz NOT NULL,
    CONSTRAINT book_head_pkey PRIMARY KEY (book_id),
    CONSTRAINT book_head_state_check CHECK (state IN ('prepared', 'open', 'closed')),
    CONSTRAINT book_head_size_check CHECK (size >= 0)
) WITH (fillfactor = 10);
GRANT SELECT, INSERT, UPDATE ON book_head TO tradein_app;
