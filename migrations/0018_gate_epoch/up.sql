-- The counter half of the gate's epoch. A reference table of one row.
CREATE TABLE gate_epoch (
    id integer NOT NULL,
    counter bigint NOT NULL,
    CONSTRAINT gate_epoch_pkey PRIMARY KEY (id)
);
GRANT SELECT, INSERT, UPDATE ON gate_epoch TO tradein_app;
