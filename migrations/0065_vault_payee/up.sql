-- The account that an application is paid to: cipher text, and its last four digits.
CREATE TABLE vault.payee (
    book_id integer NOT NULL,
    application_id uuid NOT NULL,
    cipher bytea NOT NULL,
    masked text NOT NULL,
    commitment text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT payee_pkey PRIMARY KEY (book_id, application_id)
);
GRANT SELECT, INSERT, UPDATE ON vault.payee TO tradein_app;
