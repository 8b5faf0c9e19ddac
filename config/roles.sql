-- The two roles and the database, once per server and as a superuser:
--
--   TRADEIN_OWNER_PASSWORD=… TRADEIN_APP_PASSWORD=… psql --file config/roles.sql postgres
--
-- The owner holds the tables and runs migrations. The program serves as the other one, which may
-- do only what migrations grant it: it can add to the ledger, never change it.
\set ON_ERROR_STOP on
\getenv owner_password TRADEIN_OWNER_PASSWORD
\getenv app_password TRADEIN_APP_PASSWORD

CREATE ROLE tradein_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE tradein_app LOGIN PASSWORD :'app_password';
CREATE DATABASE tradein OWNER tradein_owner;
