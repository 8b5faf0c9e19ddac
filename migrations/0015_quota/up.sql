-- Register: the slots that one person holds of one quota key, across all books. Never deleted.
CREATE TABLE quota (
    bucket smallint NOT NULL,
    person_id uuid NOT NULL,
    key text NOT NULL,
    books integer[] NOT NULL,
    provinces integer[] NOT NULL,
    holders uuid[] NOT NULL,
    states smallint[] NOT NULL,
    untils timestamptz[] NOT NULL,
    lapse_keys text[] NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT quota_pkey PRIMARY KEY (bucket, person_id, key),
    CONSTRAINT quota_slots_check CHECK (
        cardinality(books) = cardinality(holders) AND cardinality(books) = cardinality(states)
        AND cardinality(books) = cardinality(untils)
        AND cardinality(books) = cardinality(provinces)
        AND cardinality(books) = cardinality(lapse_keys)
    )
) WITH (fillfactor = 70);
GRANT SELECT, INSERT, UPDATE ON quota TO tradein_app;
