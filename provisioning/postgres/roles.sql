-- Least privilege: who owns the schema, who serves votes, who replicates, who watches.
-- Passwords are the lab's own and set at a node's first start.
create role owner login;
create role service login;
create role replicator login replication;
create role monitor login in role pg_monitor;

alter role service set statement_timeout = '15s';
alter role service set idle_in_transaction_session_timeout = '15s';

-- What pg_rewind reads the primary's files with; these functions are per database, and it connects to this one.
-- A base backup gives the same role the same files.
grant execute on function pg_ls_dir(text, boolean, boolean), pg_stat_file(text, boolean), pg_read_binary_file(text),
  pg_read_binary_file(text, bigint, bigint, boolean) to replicator;

create database polling owner owner;
\connect polling
revoke all on database polling from public;
grant connect on database polling to service, monitor;
revoke all on schema public from public;
alter schema public owner to owner;
grant usage on schema public to service, monitor;
alter default privileges for role owner in schema public
  grant select, insert, update, delete on tables to service;
alter default privileges for role owner in schema public grant usage on sequences to service;
alter default privileges for role owner in schema public grant select on tables to monitor;

-- Where this node stands, and where the timelines before its own ended: what a read needs to know in order to include
-- a certain write. Only a superuser may look, so these functions look for `service`; they take and give numbers only.
create function node_position(out timeline integer, out lsn pg_lsn)
language sql stable security definer set search_path = pg_catalog as $$
  select case when recovering then (pg_stat_get_wal_receiver()).received_tli
              else ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int end,
         case when recovering then pg_last_wal_replay_lsn() else pg_current_wal_insert_lsn() end
  from (select pg_is_in_recovery() as recovering) as role
$$;

create function timeline_history(of_timeline integer, out timeline integer, out ended_at pg_lsn) returns setof record
language sql stable security definer set search_path = pg_catalog as $$
  select line[1]::int, line[2]::pg_lsn
  from regexp_matches(
    pg_read_file('pg_wal/' || lpad(upper(to_hex(of_timeline)), 8, '0') || '.history', 0, 1048576, true),
    '^\s*(\d+)\s+([0-9A-Fa-f]+/[0-9A-Fa-f]+)', 'gn') as line
$$;

revoke all on function node_position(), timeline_history(integer) from public;
grant execute on function node_position(), timeline_history(integer) to service;
