-- A limit of a book (the year's, a round's, a day's) and what has been drawn of it.
CREATE TABLE tranche (
    book_id integer NOT NULL,
    name text NOT NULL,
    limit_fen bigint NOT NULL,
    drawn_fen bigint NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT tranche_pkey PRIMARY KEY (book_id, name),
    CONSTRAINT tranche_drawn_check CHECK (drawn_fen >= 0)
) WITH (fillfactor = 20);
GRANT SELECT, INSERT, UPDATE ON tranche TO tradein_app;
