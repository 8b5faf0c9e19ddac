-- The goods catalogue: what the authority knows of a product, by its barcode. A reference table,
-- loaded from files. A column that is NULL says "not known or not applicable".
CREATE TABLE goods (
    gtin text NOT NULL,
    class text NOT NULL,
    brand text NOT NULL,
    model text NOT NULL,
    energy_label smallint,
    water_label smallint,
    label_scheme boolean,
    ccc boolean,
    in_catalogue boolean,
    power text,
    displacement_ml integer,
    emission text,
    battery text,
    central_set boolean,
    valid_from date NOT NULL,
    valid_to date,
    source text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT goods_pkey PRIMARY KEY (gtin),
    CONSTRAINT goods_days_check CHECK (valid_to IS NULL OR valid_from <= valid_to)
);
GRANT SELECT, INSERT, UPDATE ON goods TO tradein_app;
