-- Register: what a person has drawn or let lapse over a period, across all books.
CREATE TABLE tally (
    bucket smallint NOT NULL,
    person_id uuid NOT NULL,
    key text NOT NULL,
    held_fen bigint NOT NULL,
    used_fen bigint NOT NULL,
    count bigint NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT tally_pkey PRIMARY KEY (bucket, person_id, key),
    CONSTRAINT tally_check CHECK (held_fen >= 0 AND used_fen >= 0 AND count >= 0)
) WITH (fillfactor = 70);
GRANT SELECT, INSERT, UPDATE ON tally TO tradein_app;
