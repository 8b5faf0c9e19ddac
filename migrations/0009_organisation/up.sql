-- Retailers, recyclers, dismantlers, real-name providers. A reference table.
CREATE TABLE organisation (
    organisation_id uuid NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    uscc text NOT NULL,
    region text NOT NULL,
    status text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT organisation_pkey PRIMARY KEY (organisation_id),
    CONSTRAINT organisation_uscc_key UNIQUE (uscc, kind),
    CONSTRAINT organisation_status_check CHECK (status IN ('active', 'suspended', 'removed'))
);
GRANT SELECT, INSERT, UPDATE ON organisation TO tradein_app;
