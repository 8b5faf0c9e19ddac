-- The published programme versions, immutable, named by content hash.
CREATE TABLE programme (
    hash bytea NOT NULL,
    id text NOT NULL,
    version integer NOT NULL,
    text text NOT NULL,
    published_at timestamptz NOT NULL,
    CONSTRAINT programme_pkey PRIMARY KEY (hash),
    CONSTRAINT programme_version_key UNIQUE (id, version)
);
GRANT SELECT, INSERT ON programme TO tradein_app;
