#!/usr/bin/env bash
# Starts the database node NODE: does what its start note says, then runs PostgreSQL. On a new volume it first makes NODE a
# standby of UPSTREAM or, if that is empty, the primary, with this lab's passwords.
set -euo pipefail

source /usr/local/share/failover-lab/prepare-data.sh

# Patroni had these data: it puts its own settings into postgresql.conf, and keeps the file that was there under another name.
if [[ -e $PGDATA/postgresql.base.conf ]]; then
  mv -f "$PGDATA/postgresql.base.conf" "$PGDATA/postgresql.conf"
  rm -f "$PGDATA"/patroni.dynamic.json* "$PGDATA"/{postgresql,postgresql.base,pg_hba,pg_ident}.conf.backup
fi

# If one of these settings is lower on a standby than on its primary, the WAL stops the standby for good. So at its start a
# standby takes the values that its control file names, as ALTER SYSTEM would. A setting is only asked for if it may differ.
raise_what_replay_needs() {
  local name label needed control set auto=$PGDATA/postgresql.auto.conf
  local -A usual=([max_connections]=100 [max_worker_processes]=8 [max_wal_senders]=10 [max_prepared_transactions]=0 [max_locks_per_transaction]=64)
  control=$(pg_controldata "$PGDATA")
  set=$'\n'$(<"$auto")
  for name in "${!usual[@]}"; do
    label=${name/_transactions/_xacts}
    label=${label/_transaction/_xact}
    [[ $control =~ $label\ setting:\ *([0-9]+) ]]
    needed=${BASH_REMATCH[1]}
    if [[ $needed == "${usual[$name]}" && $set != *$'\n'$name[[:space:]=]* ]]; then continue; fi
    if (( needed > $(postgres -D "$PGDATA" -C "$name") )); then
      sed -i "/^$name\b/d" "$auto"
      echo "$name = '$needed'" >>"$auto"
      echo "$NODE: $name is raised to $needed, as its primary has it"
    fi
  done
}
if [[ -e $PGDATA/standby.signal || -e $PGDATA/recovery.signal ]]; then raise_what_replay_needs; fi

# Gives a new primary its passwords, the slots that its start note named, and the time of this birth: servers forget what they
# know of data that was born before. A role without a password cannot log in over the network, so no client gets in before this
# is done.
set_passwords() {
  local role
  until pg_isready -q; do sleep 0.02; done
  {
    for role in owner service replicator monitor; do
      echo "alter role $role password '$(<$secrets/$role.scram)';"
    done
    echo "alter database polling set lab.born = '$(date +%s%3N)';"
    echo "select pg_create_physical_replication_slot(slot, true) from regexp_split_to_table('$(<"$PGDATA/without-passwords")', ' ') as slot
          where slot <> '' and not exists (select from pg_replication_slots where slot_name = slot);"
  } | psql -XAtq -1 -v ON_ERROR_STOP=1 -d polling -f - >/dev/null && rm "$PGDATA/without-passwords"
}
# PostgreSQL will be the parent of what runs here in the background. It takes the end of a process by a signal, or with an exit
# code above 1, for the crash of one of its own.
if [[ -e $PGDATA/without-passwords ]]; then set_passwords || exit 1 & fi

# The first time is soon, but not while a lab is coming up. This ends only with the container.
look_after_slots() {
  set +e
  sleep 5
  while true; do
    bash /usr/local/bin/move-slots
    sleep 30
  done
}
look_after_slots &

# hot_standby is always on, whatever a file says: a standby without sessions could not be asked for its position.
exec postgres -D "$PGDATA" -c hot_standby=on
