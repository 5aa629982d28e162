-- Database users, one per kind of process. Run it as a superuser; it may be run again:
--
--   MIGRATE_PASSWORD=… RECEIVE_PASSWORD=… WORK_PASSWORD=… OPERATE_PASSWORD=… \
--     psql --username=postgres --dbname=relay --file=deploy/postgres-roles.sql
--
-- relay_migrate owns the database and the tables.
-- `zeus-relay migrate --grant receive=relay_receive …` grants the rights of the others.
\set ON_ERROR_STOP on
\getenv migrate MIGRATE_PASSWORD
\getenv receive RECEIVE_PASSWORD
\getenv work WORK_PASSWORD
\getenv operate OPERATE_PASSWORD

-- Keep passwords out of the server's log. Limit the wait for a lock, since others queue behind it.
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
SELECT format(
  'GRANT CONNECT ON DATABASE %I TO relay_receive, relay_work, relay_operate', current_database()
) \gexec

-- Lets `zeus-relay doctor` and the metrics see the age of other sessions' transactions.
GRANT pg_read_all_stats TO relay_operate;

-- Tables that another user created earlier. Their indexes and sequences follow.
SELECT format('ALTER TABLE %s OWNER TO relay_migrate', pg_class.oid::regclass)
FROM pg_class JOIN pg_roles ON pg_roles.oid = relowner
WHERE relnamespace = 'public'::regnamespace
  AND relkind IN ('r', 'p')
  AND rolname <> 'relay_migrate' \gexec
