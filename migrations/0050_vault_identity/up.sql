-- By which an identity is found again and is unique: its keyed digest, in the digest's own bucket.
-- A person has one row for each version of the lookup key under which he was met; they stay when
-- he is erased, so that nobody comes back as somebody else.
CREATE TABLE vault.identity (
    bucket smallint NOT NULL,
    digest bytea NOT NULL,
    key_version smallint NOT NULL,
    person_id uuid NOT NULL,
    CONSTRAINT identity_pkey PRIMARY KEY (bucket, digest)
);
GRANT SELECT, INSERT ON vault.identity TO tradein_app;
