-- Least privilege: one role owns the schema, one serves votes, one replicates, one watches. What each may do with the tables
-- is in the schema's migrations. Each lab has its own passwords; a node sets them at its first start.
-- It can be run again on data of older versions: it only adds missing rights and takes away those that are too many.
set client_min_messages = warning;

select format('create role %I login', role) from unnest('{owner,service,replicator,monitor}'::text[]) as role
where not exists (select from pg_roles where rolname = role) \gexec
alter role replicator replication;
grant pg_monitor to monitor;

-- Limits, so that no role can take the connections of the others: together they are below max_connections, with room for
-- the superuser. Each of two servers has 12. A standby streams over one connection, a copy
-- uses two, a rewind two, and each database uses one for a moment to move its slot.
alter role service connection limit 50;
alter role owner connection limit 20;
alter role monitor connection limit 10;
alter role replicator connection limit 8;

alter role service set statement_timeout = '15s';
alter role service set idle_in_transaction_session_timeout = '15s';

-- pg_rewind reads the primary's files with these functions. They belong to one database, and it connects to this one.
-- A base backup gives the same role the same files, so this gives away nothing more.
grant execute on function pg_ls_dir(text, boolean, boolean), pg_stat_file(text, boolean), pg_read_binary_file(text),
  pg_read_binary_file(text, bigint, bigint, boolean) to replicator;

select 'create database polling owner owner' where not exists (select from pg_database where datname = 'polling') \gexec

-- By default PostgreSQL lets every role connect to every database and make temporary tables there; before 15, any table.
revoke all on database postgres, template1, polling from public;
grant connect on database postgres to replicator;
-- Before 14, pg_rewind notes what it fetches in a temporary table there.
select current_setting('server_version_num')::int < 140000 as rewind_needs_table \gset
\if :rewind_needs_table
grant temporary on database postgres to replicator;
\endif
grant connect on database polling to service, monitor;
revoke all on schema public from public;

-- Votes take turns with advisory locks: a role that only reads could take them all, and no vote would be stored.
-- Large objects and messages in the WAL fill the disk.
\set take_from_public 'select format(''revoke execute on function %s from public'', oid::regprocedure) from pg_proc where pronamespace = ''pg_catalog''::regnamespace and (proname ~ ''^pg_(try_)?advisory_'' or proname in (''lo_creat'', ''lo_create'', ''lo_from_bytea'', ''pg_logical_emit_message''))'
:take_from_public \gexec

\connect polling
set client_min_messages = warning;
revoke all on schema public from public;
alter schema public owner to owner;
grant usage on schema public to service, monitor;
alter default privileges for role owner in schema public revoke all on tables from service;
alter default privileges for role owner in schema public revoke all on sequences from service;
alter default privileges for role owner in schema public grant select on tables to monitor;
alter default privileges for role owner revoke execute on functions from public;

:take_from_public \gexec
select format('grant execute on function %s to owner', oid::regprocedure) from pg_proc
where pronamespace = 'pg_catalog'::regnamespace and proname ~ '^pg_(try_)?advisory_' \gexec

-- The node's position, and the ends of the timelines before its own: a read needs them to include a certain write. Only a
-- superuser may read them, so these functions read them for `service`. They take and give numbers only.
create or replace function node_position(out timeline integer, out lsn pg_lsn)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select case when recovering then (pg_stat_get_wal_receiver()).received_tli
              else ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int end,
         case when recovering then pg_last_wal_replay_lsn() else pg_current_wal_insert_lsn() end
  from (select pg_is_in_recovery() as recovering) as role
$$;

create or replace function timeline_history(of_timeline integer, out timeline integer, out ended_at pg_lsn)
returns setof record
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select line[1]::int, line[2]::pg_lsn
  from regexp_matches(
    pg_read_file('pg_wal/' || lpad(upper(to_hex(of_timeline)), 8, '0') || '.history', 0, 1048576, true),
    '^\s*(\d+)\s+([0-9A-Fa-f]+/[0-9A-Fa-f]+)', 'gn') as line
$$;

revoke all on function node_position(), timeline_history(integer) from public;
grant execute on function node_position(), timeline_history(integer) to service;
