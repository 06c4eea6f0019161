#!/usr/bin/env bash
# Starts the database node NODE, whose other half is PEER. On a fresh volume it first makes the
# node what START_AS says: the primary, with this lab's passwords and the peer's slot, or its standby.
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

# Without rights to look into them, data would be taken for none. Where nothing but the mode is wrong, that is mended.
chmod 0700 "$PGDATA" 2>/dev/null || true
if [[ ! -r $PGDATA || ! -x $PGDATA || ! -O $PGDATA ]]; then
  echo "$NODE cannot use its data: Permission denied" >&2
  exit 1
fi

# A new volume, or one that reset has marked: begin anew. Ended half-way, the next start does it again.
# What was there is written over and the rest deleted: to delete a thousand files and make them again takes longer.
note=$PGDATA/at-next-start
if [[ -e $PGDATA/begin-anew || ( ! -e $PGDATA/PG_VERSION && ! -e $note ) ]]; then
  touch "$PGDATA/begin-anew"
  tar -C "$PGDATA" --overwrite -xf $prepared
  comm -23 <(cd "$PGDATA" && find . -mindepth 1 ! -name begin-anew | sort) <(tar -tf $prepared | sed 's,/$,,' | sort) |
    (cd "$PGDATA" && xargs -rd '\n' rm -rf)
  if [[ $START_AS == standby ]]; then touch "$PGDATA/standby.signal"; else touch "$PGDATA/without-passwords"; fi
  rm "$PGDATA/begin-anew"
fi

# What to do with the data: go on with it (the note has the node's own name), or what a failover, a switchover or a
# rejoin has noted. A rewind and a copy bring the peer's note along, so data that came only half-way is never started.
word=$NODE
if [[ -e $note ]]; then read -r word _ <$note; fi
case ${word%:} in
  "$NODE" | keep) ;;
  fenced)
    echo "$NODE is fenced: a failover left it behind, so it does not start. It comes back with: zx scripts/rejoin.ts" >&2
    exit 1
    ;;
  follow) touch "$PGDATA/standby.signal" ;;
  rewind | copy | "$PEER") bash /usr/local/bin/follow-anew "$word" ;;
  *)
    echo "$NODE cannot start: $note says '$word', which is none of its words" >&2
    exit 1
    ;;
esac
echo "$NODE" >$note.new
mv -f $note.new $note

# The WAL of a primary with a higher one of these settings stops a standby, for good: it takes at its start what its control
# file says that it needs, as ALTER SYSTEM would. Only where there may be a difference is each of them asked for.
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

# A role without a password cannot log in over the network, so nothing happens before this is done.
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

# A standby that takes no sessions could not even be asked where it is: what a file says of that does not count.
exec postgres -D "$PGDATA" -c hot_standby=on
