-- The people vault: the only place of clear identities, all of them encrypted.
CREATE SCHEMA vault;
GRANT USAGE ON SCHEMA vault TO tradein_app;
