#!/usr/bin/env bash
# Makes the data of NODE a standby's of its PEER, which has to be a primary: rewound to where the two parted, or copied.
# Usage: follow-anew rewind|copy
set -euo pipefail

source="host=$PEER user=replicator passfile=/run/failover-lab/pgpass connect_timeout=2"
note=$PGDATA/at-next-start

# Nothing is touched before the peer answers as a primary; the engine starts the node again, and thus this.
if [[ $(psql -XAtq -d "$source dbname=postgres" -c 'select pg_is_in_recovery()') != f ]]; then
  echo "follow-anew: $PEER is not a primary" >&2
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

# From here on the data may be neither the one nor the other: whoever starts it next copies.
write_note copy
if [[ $1 == rewind ]] && pg_rewind --target-pgdata "$PGDATA" --source-server "$source dbname=postgres" 2>&1; then
  echo 'follow-anew: rewound'
else
  copy
  echo 'follow-anew: copied'
fi
# What ALTER SYSTEM set on the peer came along. A standby names no standby of its own, for promoted alone it would wait
# for it; and whom it follows is in node.conf.
sed -i '/^\(synchronous_standby_names\|primary_conninfo\|primary_slot_name\) /d' "$PGDATA/postgresql.auto.conf"
touch "$PGDATA/standby.signal"
