-- A quota row as it is to be.
CREATE TYPE quota_row AS (
    bucket smallint,
    person_id uuid,
    key text,
    books integer[],
    provinces integer[],
    holders uuid[],
    states smallint[],
    untils timestamptz[],
    lapse_keys text[],
    version bigint
);
