-- Half of the key of a person's commitments in one book. An erasure takes it away and puts a
-- random id in the person's place.
ALTER TABLE vault.subject ADD COLUMN secret bytea;
GRANT UPDATE (person_id, secret) ON vault.subject TO tradein_app;
