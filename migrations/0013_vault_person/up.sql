-- One row a natural person. The digest finds a person again; the cipher text holds kind, number,
-- name and phone; birthday decides the age and is the only clear fact.
CREATE TABLE vault.person (
    bucket smallint NOT NULL,
    person_id uuid NOT NULL,
    digest bytea NOT NULL,
    key_version smallint NOT NULL,
    cipher bytea,
    born_on date,
    consent_at timestamptz NOT NULL,
    registered_at timestamptz NOT NULL,
    state text NOT NULL,
    CONSTRAINT person_pkey PRIMARY KEY (bucket, person_id),
    CONSTRAINT person_digest_key UNIQUE (bucket, digest),
    CONSTRAINT person_state_check CHECK (state IN ('active', 'erased'))
);
GRANT SELECT, INSERT, UPDATE ON vault.person TO tradein_app;
