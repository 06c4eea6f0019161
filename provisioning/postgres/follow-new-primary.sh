#!/usr/bin/env bash
# Turns the data of NODE into a standby's: pg_rewind to the point where it diverged from PEER, or a copy of PEER. PEER has
# to be a primary.
# Usage: follow-new-primary rewind|copy
set -euo pipefail

source="host=$PEER user=replicator passfile=/run/failover-lab/pgpass connect_timeout=2"
note=$PGDATA/at-next-start

# Nothing is touched before the peer answers as a primary. Until then this fails, and the engine starts the node again.
if [[ $(psql -XAtq -d "$source dbname=postgres" -c 'select pg_is_in_recovery()') != f ]]; then
  echo "follow-new-primary: $PEER is not a primary" >&2
  exit 1
fi

write_note() {
  echo "$1" >"$note.new"
  mv -f "$note.new" "$note"
}

copy() {
  find "$PGDATA" -mindepth 1 -maxdepth 1 ! -name at-next-start -exec rm -rf {} +
  pg_basebackup -D "$PGDATA/copy" -d "$source" -X stream --slot "${NODE//-/_}" --checkpoint fast
  rm -f "$PGDATA/copy/at-next-start"
  find "$PGDATA/copy" -mindepth 1 -maxdepth 1 -exec mv -t "$PGDATA" {} +
  rmdir "$PGDATA/copy"
}

# From here on the data may be incomplete. If this is interrupted, the next start copies.
write_note copy
if [[ $1 == rewind ]] && pg_rewind --target-pgdata "$PGDATA" --source-server "$source dbname=postgres" 2>&1; then
  echo 'follow-new-primary: rewound'
else
  copy
  echo 'follow-new-primary: copied'
fi
# The copy has the settings that ALTER SYSTEM made on the peer. A standby must not name a synchronous standby: after a
# promotion, alone, it would wait for it. Which primary it follows is in node.conf.
sed -i '/^\(synchronous_standby_names\|primary_conninfo\|primary_slot_name\) /d' "$PGDATA/postgresql.auto.conf"
touch "$PGDATA/standby.signal"
