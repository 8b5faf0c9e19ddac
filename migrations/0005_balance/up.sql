-- What each account of a book holds; equal to the sum of its postings.
CREATE TABLE balance (
    book_id integer NOT NULL,
    account text NOT NULL,
    fen bigint NOT NULL,
    CONSTRAINT balance_pkey PRIMARY KEY (book_id, account),
    CONSTRAINT balance_fen_check CHECK (fen >= 0 OR account = 'authority')
) WITH (fillfactor = 20);
GRANT SELECT, INSERT, UPDATE ON balance TO tradein_app;
