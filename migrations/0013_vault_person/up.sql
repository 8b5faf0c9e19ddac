-- One row a natural person, in the bucket of the person's id, so that every table that knows the
-- id finds it. The cipher text holds number, name, phone and what was consented to; the birthday
-- decides the age and is the only clear fact.
CREATE TABLE vault.person (
    bucket smallint NOT NULL,
    person_id uuid NOT NULL,
    cipher bytea,
    born_on date,
    consent_at timestamptz NOT NULL,
    registered_at timestamptz NOT NULL,
    state text NOT NULL,
    CONSTRAINT person_pkey PRIMARY KEY (bucket, person_id),
    CONSTRAINT person_state_check CHECK (state IN ('active', 'erased')),
    CONSTRAINT person_erased_check CHECK (state = 'active' OR cipher IS NULL)
);
GRANT SELECT, INSERT, UPDATE ON vault.person TO tradein_app;
