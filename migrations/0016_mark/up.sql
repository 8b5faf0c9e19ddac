-- Register: a thing that may draw one live subsidy only. Free where it has no holder.
CREATE TABLE mark (
    bucket smallint NOT NULL,
    kind text NOT NULL,
    digest bytea NOT NULL,
    book_id integer,
    holder uuid,
    until timestamptz,
    version bigint NOT NULL,
    CONSTRAINT mark_pkey PRIMARY KEY (bucket, kind, digest),
    CONSTRAINT mark_holder_check CHECK ((book_id IS NULL) = (holder IS NULL))
) WITH (fillfactor = 80);
GRANT SELECT, INSERT, UPDATE ON mark TO tradein_app;
