-- Money proposed for a book by one person of a bureau, and approved by another.
CREATE TABLE appropriation (
    book_id integer NOT NULL,
    appropriation_id uuid NOT NULL,
    fen bigint NOT NULL,
    document text NOT NULL,
    state text NOT NULL,
    proposed_by text NOT NULL,
    CONSTRAINT appropriation_pkey PRIMARY KEY (book_id, appropriation_id),
    CONSTRAINT appropriation_fen_check CHECK (fen > 0),
    CONSTRAINT appropriation_state_check CHECK (state IN ('proposed', 'approved'))
);
GRANT SELECT, INSERT, UPDATE ON appropriation TO tradein_app;
