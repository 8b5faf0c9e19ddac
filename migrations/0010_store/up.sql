-- The stores of a retailer, and where a recycler takes things in.
CREATE TABLE store (
    organisation_id uuid NOT NULL,
    store_id uuid NOT NULL,
    name text NOT NULL,
    region text NOT NULL,
    CONSTRAINT store_pkey PRIMARY KEY (organisation_id, store_id)
);
GRANT SELECT, INSERT ON store TO tradein_app;
