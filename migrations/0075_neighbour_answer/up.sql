-- What neighbours said of an application, or why they said nothing. Never changed: asking again
-- adds a row.
CREATE TABLE neighbour_answer (
    book_id integer NOT NULL,
    application_id uuid NOT NULL,
    answer_id uuid NOT NULL,
    neighbour text NOT NULL,
    source text NOT NULL,
    asked_at timestamptz NOT NULL,
    said jsonb,
    no_answer text,
    CONSTRAINT neighbour_answer_pkey PRIMARY KEY (book_id, application_id, answer_id),
    CONSTRAINT neighbour_answer_said_check CHECK ((said IS NULL) <> (no_answer IS NULL))
);
GRANT SELECT, INSERT ON neighbour_answer TO tradein_app;
