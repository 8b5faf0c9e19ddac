-- What an organisation may take part in: a family in a region, all its classes or some, from a
-- day to a day (both inside), or until further notice.
CREATE TABLE approval (
    organisation_id uuid NOT NULL,
    approval_id uuid NOT NULL,
    region text NOT NULL,
    family text NOT NULL,
    classes text[] NOT NULL,
    from_day date NOT NULL,
    to_day date,
    status text NOT NULL,
    CONSTRAINT approval_pkey PRIMARY KEY (organisation_id, approval_id),
    CONSTRAINT approval_days_check CHECK (from_day <= to_day),
    CONSTRAINT approval_status_check CHECK (status IN ('active', 'suspended', 'revoked'))
);
GRANT SELECT, INSERT, UPDATE ON approval TO tradein_app;
