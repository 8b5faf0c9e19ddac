-- What an organisation may take part in: a family in a region, all its classes or some, from a
-- day to a day (both inside).
CREATE TABLE approval (
    organisation_id uuid NOT NULL,
    approval_id uuid NOT NULL,
    region text NOT NULL,
    family text NOT NULL,
    classes text[] NOT NULL,
    from_day date NOT NULL,
    to_day date NOT NULL,
    status text NOT NULL,
    CONSTRAINT approval_pkey PRIMARY KEY (organisation_id, approval_id),
    CONSTRAINT approval_status_check CHECK (status IN ('active', 'suspended', 'removed'))
);
GRANT SELECT, INSERT, UPDATE ON approval TO tradein_app;
