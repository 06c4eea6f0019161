# What a database node does before PostgreSQL runs, whoever starts that: start.sh and Patroni's start.sh source this file.
secrets=/run/secrets
run=/run/failover-lab
prepared=/usr/local/share/failover-lab/prepared.tar
source /usr/local/share/failover-lab/start-note.sh
source /usr/local/share/failover-lab/upstream.sh

umask 077
printf '*:*:*:replicator:%s\n' "$(<$secrets/replicator)" >$run/pgpass

# If this user may not look into the folder, it would seem empty. This repairs a wrong mode, but not a wrong owner.
mkdir -p "$PGDATA"
chmod 0700 "$PGDATA" 2>/dev/null || true
if [[ ! -r $PGDATA || ! -x $PGDATA || ! -O $PGDATA ]]; then
  echo "$NODE cannot use its data: Permission denied" >&2
  exit 1
fi

carry_out_note
write_node_conf
