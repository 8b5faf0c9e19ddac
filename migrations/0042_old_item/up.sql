-- The things that were handed in. Narrow where it is updated (state, reason, version), and its
-- state stands in no index, so that an update touches one page (HOT). Of serial, plate, VIN and
-- frame number only keyed digests are kept.
CREATE TABLE old_item (
    book_id integer NOT NULL,
    old_item_id uuid NOT NULL,
    recycler uuid NOT NULL,
    store uuid,
    class text NOT NULL,
    owner uuid,
    marks jsonb NOT NULL,
    facts jsonb NOT NULL,
    photos jsonb NOT NULL,
    handed_over_on date NOT NULL,
    registered_at timestamptz NOT NULL,
    state text NOT NULL,
    reason text,
    version bigint NOT NULL,
    CONSTRAINT old_item_pkey PRIMARY KEY (book_id, old_item_id),
    CONSTRAINT old_item_state_check CHECK (state IN ('registered', 'verified', 'rejected')),
    CONSTRAINT old_item_reason_check CHECK ((state = 'rejected') = (reason IS NOT NULL))
) WITH (fillfactor = 80);
GRANT SELECT, INSERT, UPDATE ON old_item TO tradein_app;
