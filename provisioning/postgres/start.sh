#!/usr/bin/env bash
# Starts the database node NODE; the other database is PEER. On an empty volume it first makes NODE what START_AS says: the
# primary, with this lab's passwords and the peer's slot, or the standby.
set -euo pipefail

secrets=/run/secrets
run=/run/failover-lab
prepared=/var/lib/postgresql/prepared.tar

umask 077
printf '*:*:*:replicator:%s\n' "$(<$secrets/replicator)" >$run/pgpass

# Every node knows how to follow its peer; PostgreSQL looks at this only while it is a standby.
cat >$run/node.conf <<CONF
cluster_name = '$NODE'
primary_slot_name = '${NODE//-/_}'
primary_conninfo = 'host=$PEER user=replicator passfile=$run/pgpass application_name=$NODE connect_timeout=2'
CONF

# If this user may not look into the folder, it would seem empty. This repairs a wrong mode, but not a wrong owner.
chmod 0700 "$PGDATA" 2>/dev/null || true
if [[ ! -r $PGDATA || ! -x $PGDATA || ! -O $PGDATA ]]; then
  echo "$NODE cannot use its data: Permission denied" >&2
  exit 1
fi

# An empty volume, or one that reset has marked: start with the prepared data. If this is interrupted, the next start does
# it again. Files are overwritten and the others deleted: to delete a thousand files and make them again takes longer.
note=$PGDATA/at-next-start
if [[ -e $PGDATA/start-fresh || ( ! -e $PGDATA/PG_VERSION && ! -e $note ) ]]; then
  touch "$PGDATA/start-fresh"
  tar -C "$PGDATA" --overwrite -xf $prepared
  comm -23 <(cd "$PGDATA" && find . -mindepth 1 ! -name start-fresh | sort) <(tar -tf $prepared | sed 's,/$,,' | sort) |
    (cd "$PGDATA" && xargs -rd '\n' rm -rf)
  if [[ $START_AS == standby ]]; then touch "$PGDATA/standby.signal"; else touch "$PGDATA/without-passwords"; fi
  rm "$PGDATA/start-fresh"
fi

# The note says what to do with the data. The node's own name: go on with it. Other words come from a failover, a switchover
# or a rejoin. A rewind or a copy brings the peer's note along, so incomplete data is never started.
word=$NODE
if [[ -e $note ]]; then read -r word _ <$note; fi
case ${word%:} in
  "$NODE" | keep) ;;
  fenced)
    echo "$NODE is fenced: a failover left it behind, so it does not start. It comes back with: zx scripts/rejoin.ts" >&2
    exit 1
    ;;
  follow) touch "$PGDATA/standby.signal" ;;
  rewind | copy | "$PEER") bash /usr/local/bin/follow-new-primary "$word" ;;
  *)
    echo "$NODE cannot start: $note says '$word', which is not a known word" >&2
    exit 1
    ;;
esac
echo "$NODE" >$note.new
mv -f $note.new $note

# If one of these settings is lower on a standby than on its primary, the WAL stops the standby for good. So at its start a
# standby takes the values that its control file names, as ALTER SYSTEM would. A setting is only asked for if it may differ.
raise_what_replay_needs() {
  local name label needed control auto=$PGDATA/postgresql.auto.conf
  local -A usual=([max_connections]=100 [max_worker_processes]=8 [max_wal_senders]=10 [max_prepared_transactions]=0 [max_locks_per_transaction]=64)
  control=$(pg_controldata "$PGDATA")
  for name in "${!usual[@]}"; do
    label=${name/_transactions/_xacts}
    label=${label/_transaction/_xact}
    needed=$(sed -n "s/^$label setting: *//p" <<<"$control")
    if [[ $needed == "${usual[$name]}" ]] && ! grep -q "^$name\b" "$auto"; then continue; fi
    if (( needed > $(postgres -D "$PGDATA" -C "$name") )); then
      sed -i "/^$name\b/d" "$auto"
      echo "$name = '$needed'" >>"$auto"
      echo "$NODE: $name is raised to $needed, as its primary has it"
    fi
  done
}
if [[ -e $PGDATA/standby.signal ]]; then raise_what_replay_needs; fi

# A role without a password cannot log in over the network, so no client gets in before this is done.
set_passwords() {
  local role
  until pg_isready -q; do sleep 0.02; done
  {
    for role in owner service replicator monitor; do
      echo "alter role $role password '$(<$secrets/$role.scram)';"
    done
    echo "select pg_create_physical_replication_slot(slot, true) from (values ('${PEER//-/_}')) as peer (slot)
          where not exists (select from pg_replication_slots where slot_name = slot);"
  } | psql -XAtq -1 -v ON_ERROR_STOP=1 -d polling -f - >/dev/null && rm "$PGDATA/without-passwords"
}
if [[ -e $PGDATA/without-passwords ]]; then set_passwords & fi

# hot_standby is always on, whatever a file says: a standby without sessions could not be asked for its position.
exec postgres -D "$PGDATA" -c hot_standby=on
