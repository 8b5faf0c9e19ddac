-- The version of each set of reference rows that a screening reads: programmes, goods, an
-- organisation. The clerk compares it with what the screening saw.
CREATE TABLE stamp (
    name text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT stamp_pkey PRIMARY KEY (name)
) WITH (fillfactor = 50);
GRANT SELECT, INSERT, UPDATE ON stamp TO tradein_app;
