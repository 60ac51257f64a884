-- Four roles for the service's database: one that migrates and owns the tables, one that the service works with and that can
-- neither change the schema nor delete facts, one to look at facts without what people wrote, and one for operators, who look at
-- facts as well, see what the server does and end sessions that block others.
--
-- Run it once as a superuser, or as the database's owner with CREATEROLE. Passwords are yours to set:
-- ALTER ROLE resolution_center_app PASSWORD '…'. Then, also where the tables are there already:
--   DATABASE_URL=postgres://resolution_center_migrate:…  npm run migrate
--   DATABASE_URL=postgres://resolution_center_app:…      npm start
--   DATABASE_URL=postgres://resolution_center_operator:… in the blocks of docs/runbook
--
-- What the roles may do with the tables stands in migrations/grants.sql; every run of the migrations ends with it.

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['resolution_center_migrate', 'resolution_center_app', 'resolution_center_read',
      'resolution_center_operator'] LOOP
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = name) THEN
      EXECUTE format('CREATE ROLE %I LOGIN', name);
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), name);
  END LOOP;
END $$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO resolution_center_migrate;
GRANT USAGE ON SCHEMA public TO resolution_center_app, resolution_center_read;

GRANT resolution_center_read TO resolution_center_operator;
DO $$
BEGIN
  -- To see the sessions of other users and what they wait for, and to end them; those of a superuser are left alone.
  GRANT pg_monitor, pg_signal_backend TO resolution_center_operator;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE WARNING 'have an administrator of the server run: GRANT pg_monitor, pg_signal_backend TO resolution_center_operator';
END $$;
