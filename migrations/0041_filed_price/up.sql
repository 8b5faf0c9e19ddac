-- Prices filed with an authority: of a product, for a place, for a while. A reference table.
CREATE TABLE filed_price (
    gtin text NOT NULL,
    region text NOT NULL,
    valid_from date NOT NULL,
    valid_to date,
    price_fen bigint NOT NULL,
    source text NOT NULL,
    CONSTRAINT filed_price_pkey PRIMARY KEY (gtin, region, valid_from),
    CONSTRAINT filed_price_days_check CHECK (valid_to IS NULL OR valid_from <= valid_to),
    CONSTRAINT filed_price_fen_check CHECK (price_fen > 0)
);
GRANT SELECT, INSERT, UPDATE ON filed_price TO tradein_app;
