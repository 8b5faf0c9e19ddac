-- The roles and the database, once per server and as a superuser:
--
--   TRADEIN_OWNER_PASSWORD=… TRADEIN_APP_PASSWORD=… psql --file config/roles.sql postgres
--
-- The owner holds the tables and runs migrations. The program serves as the other one, which may
-- do only what migrations grant it: it can add to the ledger, never change it. Auditors with tools
-- of their own sign in as the third, which reads the views of the schema `audit` and nothing else;
-- without TRADEIN_AUDITOR_PASSWORD it has no password, and nobody signs in as it by one.
\set ON_ERROR_STOP on
\getenv owner_password TRADEIN_OWNER_PASSWORD
\getenv app_password TRADEIN_APP_PASSWORD

CREATE ROLE tradein_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE tradein_app LOGIN PASSWORD :'app_password';
CREATE ROLE tradein_auditor LOGIN;
\getenv auditor_password TRADEIN_AUDITOR_PASSWORD
\if :{?auditor_password}
ALTER ROLE tradein_auditor PASSWORD :'auditor_password';
\endif
ALTER ROLE tradein_auditor SET default_transaction_read_only = on;
CREATE DATABASE tradein OWNER tradein_owner;
