-- The ledger: one immutable row a fact, with its money legs as two arrays. The serving role may
-- read and append, and nothing else.
CREATE TABLE entry (
    book_id integer NOT NULL,
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    about uuid NOT NULL,
    accounts text[] NOT NULL,
    amounts bigint[] NOT NULL,
    leaf bytea NOT NULL,
    leaf_hash bytea NOT NULL,
    CONSTRAINT entry_pkey PRIMARY KEY (book_id, seq),
    CONSTRAINT entry_legs_check CHECK (cardinality(accounts) = cardinality(amounts))
);
GRANT SELECT, INSERT ON entry TO tradein_app;
