#!/usr/bin/env bash
# Starts the database node NODE under Patroni: does what its start note says, then Patroni starts PostgreSQL, as the primary or as
# a standby, as the stores (STORES) say.
set -euo pipefail

source /usr/local/share/failover-lab/prepare-data.sh

cat >$run/patroni.yml <<YML
scope: $SCOPE
name: $NODE
restapi:
  listen: 0.0.0.0:8008
  connect_address: $NODE:8008
  authentication: {username: patroni, password: $(<$secrets/rest)}
etcd3:
  hosts: $(printf '%s:2379\n' $STORES | paste -sd,)
  username: patroni
  password: $(<$secrets/patroni)
bootstrap:
  dcs:
    ttl: 20
    loop_wait: 1
    retry_timeout: 3
    maximum_lag_on_failover: 1048576
    primary_start_timeout: 0
    postgresql:
      use_pg_rewind: true
      use_slots: true
postgresql:
  listen: '*:5432'
  connect_address: $NODE:5432
  data_dir: $PGDATA
  bin_dir: $BIN
  pgpass: $run/patroni-pgpass
  use_unix_socket: true
  authentication:
    superuser: {username: postgres}
    replication: {username: replicator, password: $(<$secrets/replicator)}
    rewind: {username: replicator, password: $(<$secrets/replicator)}
  parameters:
    unix_socket_directories: /var/run/postgresql
    hba_file: /etc/failover-lab/pg_hba.conf
  basebackup: {checkpoint: fast}
YML

# A new primary gets its passwords before anybody can connect to it: Patroni itself would come in over the network too early.
if [[ -e $PGDATA/without-passwords ]]; then
  {
    for role in owner service replicator monitor; do echo "alter role $role password '$(<$secrets/$role.scram)';"; done
    echo "alter database polling set lab.born = '$(date +%s%3N)';"
  } | "$BIN/postgres" --single -D "$PGDATA" polling >/dev/null
  rm "$PGDATA/without-passwords"
fi

# Usage: answers_as_primary DATABASE
answers_as_primary() {
  timeout 1 bash -c 'exec 3<>"/dev/tcp/$0/8008" && printf "GET /primary HTTP/1.0\r\n\r\n" >&3 && head -n 1 <&3' "$1" 2>/dev/null |
    grep -q ' 200 '
}

# A node that Patroni has not had yet, and that is not the primary, waits for the primary. If it came first, Patroni would begin the
# cluster with its data, or with new ones.
await_primary() {
  local _ peer
  for _ in {1..100}; do
    for peer in $PEERS; do if answers_as_primary "$peer"; then return; fi; done
    sleep 0.1
  done
  echo "$NODE has to follow a primary, and no database answers as one" >&2
  exit 1
}
if [[ ! -e $PGDATA/patroni.dynamic.json && ( -e $PGDATA/standby.signal || ! -e $PGDATA/PG_VERSION ) ]]; then await_primary; fi

start_patroni() {
  patroni $run/patroni.yml &
  patroni=$!
  echo "$patroni" >$run/patroni.pid
}

is_up() {
  [[ -e $PGDATA/postmaster.pid ]] && kill -0 "$(head -n 1 "$PGDATA/postmaster.pid")" 2>/dev/null
}

# As on a machine, PostgreSQL runs on if Patroni is killed, until somebody starts Patroni again. For `docker stop` without Patroni
# PostgreSQL itself is stopped.
stopping=''
# One that is frozen hears the signal when it goes on.
trap 'stopping=yes; { kill -TERM "$patroni" && kill -CONT "$patroni"; } 2>/dev/null || if is_up; then pg_ctl stop -m fast >/dev/null; fi' TERM
start_patroni
while true; do
  code=0
  wait "$patroni" || code=$?
  if kill -0 "$patroni" 2>/dev/null; then continue; fi
  if [[ $stopping || $code != 137 ]] || ! is_up; then exit "$code"; fi
  echo "$NODE: Patroni was killed; PostgreSQL goes on without it" >&2
  until [[ -e $run/start-patroni || $stopping ]] || ! is_up; do sleep 0.2; done
  if [[ ! -e $run/start-patroni ]]; then exit "$code"; fi
  rm $run/start-patroni
  start_patroni
done
