-- The serving role says at /readyz which steps are still to be run.
GRANT SELECT ON __diesel_schema_migrations TO tradein_app;
