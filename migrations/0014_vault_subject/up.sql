-- The pseudonym of a person in one book: 128 random bits, the only link between the two.
CREATE TABLE vault.subject (
    book_id integer NOT NULL,
    person_id uuid NOT NULL,
    subject bytea NOT NULL,
    CONSTRAINT subject_pkey PRIMARY KEY (book_id, person_id)
);
GRANT SELECT, INSERT ON vault.subject TO tradein_app;
