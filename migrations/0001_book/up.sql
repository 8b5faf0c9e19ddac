-- The books of a deployment. A reference table: it hardly ever changes.
CREATE TABLE book (
    book_id integer NOT NULL,
    region text NOT NULL,
    family text NOT NULL,
    year integer NOT NULL,
    opened_at timestamptz NOT NULL,
    CONSTRAINT book_pkey PRIMARY KEY (book_id),
    CONSTRAINT book_name_key UNIQUE (region, family, year),
    CONSTRAINT book_id_check CHECK (book_id >= 0)
);
GRANT SELECT, INSERT ON book TO tradein_app;
