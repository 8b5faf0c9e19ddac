-- A purchase that is over, reviewed by an office. What no statement looks at stands in `filed`.
CREATE TABLE application (
    book_id integer NOT NULL,
    application_id uuid NOT NULL,
    bucket smallint NOT NULL,
    person_id uuid NOT NULL,
    subject bytea NOT NULL,
    submitted_by bytea NOT NULL,
    class text NOT NULL,
    rule bytea NOT NULL,
    state text NOT NULL,
    amount_fen bigint NOT NULL,
    granted_fen bigint,
    first_book integer,
    first_id uuid,
    decided_at timestamptz NOT NULL,
    submitted_at timestamptz NOT NULL,
    until timestamptz,
    approved_by bytea,
    filed text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT application_amount_check CHECK (amount_fen > 0),
    CONSTRAINT application_granted_check CHECK (granted_fen BETWEEN 1 AND amount_fen)
) WITH (fillfactor = 70);
GRANT SELECT, INSERT, UPDATE ON application TO tradein_app;
