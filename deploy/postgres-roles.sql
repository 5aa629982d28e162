-- Users of the database, one for each kind of process; run as a superuser, again at will:
--
--   MIGRATE_PASSWORD=… RECEIVE_PASSWORD=… WORK_PASSWORD=… OPERATE_PASSWORD=… \
--     psql --username=postgres --dbname=relay --file=deploy/postgres-roles.sql
--
-- relay_migrate owns the database and the tables. What the others may do,
-- `zeus-relay migrate --grant receive=relay_receive …` says.
\set ON_ERROR_STOP on
\getenv migrate MIGRATE_PASSWORD
\getenv receive RECEIVE_PASSWORD
\getenv work WORK_PASSWORD
\getenv operate OPERATE_PASSWORD

-- No password stands in the server's log, and nobody queues behind a lock that is not granted.
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
SET log_min_duration_statement = -1;
SET lock_timeout = '3s';
SET password_encryption = 'scram-sha-256';

SELECT format('CREATE ROLE %I LOGIN', name)
FROM unnest(ARRAY['relay_migrate', 'relay_receive', 'relay_work', 'relay_operate']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

ALTER ROLE relay_migrate PASSWORD :'migrate';
ALTER ROLE relay_receive PASSWORD :'receive';
ALTER ROLE relay_work PASSWORD :'work';
ALTER ROLE relay_operate PASSWORD :'operate';

SELECT format('ALTER DATABASE %I OWNER TO relay_migrate', current_database()) \gexec
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database()) \gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO relay_receive, relay_work, relay_operate', current_database()) \gexec

-- Since when another session's transaction is open, which `zeus-relay doctor` and the metrics tell.
GRANT pg_read_all_stats TO relay_operate;

-- Tables that another user made before; what belongs to a table goes with it.
SELECT format('ALTER TABLE %s OWNER TO relay_migrate', pg_class.oid::regclass)
FROM pg_class JOIN pg_roles ON pg_roles.oid = relowner
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND rolname <> 'relay_migrate' \gexec
