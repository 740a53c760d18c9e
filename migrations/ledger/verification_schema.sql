-- A place beside the schema in which the migrations are run once more; rolled back when the two were compared.

CREATE SCHEMA migration_verification;
SET LOCAL search_path = migration_verification;
