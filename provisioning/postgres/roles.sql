-- Least privilege: who owns the schema, who serves votes, who replicates, who watches.
-- Passwords are the lab's own and set at a node's first start.
create role owner login;
create role service login;
create role replicator login replication;
create role monitor login in role pg_monitor;

alter role service set statement_timeout = '15s';
alter role service set idle_in_transaction_session_timeout = '15s';

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
