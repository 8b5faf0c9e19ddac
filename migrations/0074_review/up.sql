-- Who works on an application. A row is made when somebody first takes it.
CREATE TABLE review (
    book_id integer NOT NULL,
    application_id uuid NOT NULL,
    reviewer bytea,
    taken_at timestamptz NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT review_pkey PRIMARY KEY (book_id, application_id)
) WITH (fillfactor = 80);
GRANT SELECT, INSERT, UPDATE ON review TO tradein_app;
