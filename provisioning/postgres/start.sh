#!/usr/bin/env bash
# Starts the database node NODE, whose other half is PEER. On a fresh volume it first makes the
# node what START_AS says: the primary, with this lab's passwords and the peer's slot, or its standby.
set -euo pipefail

secrets=/run/secrets
run=/run/failover-lab

umask 077
printf '*:*:*:replicator:%s\n' "$(<$secrets/replicator)" >$run/pgpass

# Every node knows how to follow its peer; PostgreSQL looks at this only while it is a standby.
cat >$run/node.conf <<CONF
cluster_name = '$NODE'
primary_slot_name = '${NODE//-/_}'
primary_conninfo = 'host=$PEER user=replicator passfile=$run/pgpass application_name=$NODE connect_timeout=2'
CONF

# Ended half-way, the next start begins again.
if [[ ! -e $PGDATA/PG_VERSION || -e $PGDATA/unfinished ]]; then
  touch "$PGDATA/unfinished"
  find "$PGDATA" -mindepth 1 ! -path "$PGDATA/unfinished" -delete
  tar -C "$PGDATA" -xf /var/lib/postgresql/prepared.tar
  if [[ $START_AS == primary ]]; then
    # Single-user mode: nobody can connect before the passwords are set.
    {
      for role in owner service replicator monitor; do
        echo "alter role $role password '$(<$secrets/$role)';"
      done
      echo "select pg_create_physical_replication_slot('${PEER//-/_}', true);"
    } | postgres --single -D "$PGDATA" -c exit_on_error=on -c log_min_messages=fatal polling >/dev/null
  else
    touch "$PGDATA/standby.signal"
  fi
  rm "$PGDATA/unfinished"
fi

exec postgres -D "$PGDATA"
