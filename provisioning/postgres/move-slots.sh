#!/usr/bin/env bash
# Gives NODE a slot on each other database of the lab, and moves it on to the first WAL that NODE still needs. So each of them
# keeps what NODE would need of it as the next primary, and no more. Its slot on its upstream is left to its WAL receiver.
# PEERS names every database that a lab can have. One that is not there does not answer, so it gets no slot, and has none here.
# start.sh runs this twice a minute. What another database refuses is in that one's log.
source /usr/local/share/failover-lab/upstream.sh

# A primary may have to be rewound, which needs all WAL since its last checkpoint.
needed="
select pg_is_in_recovery() as standby,
       case when pg_is_in_recovery() then coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
            else (select redo_lsn from pg_control_checkpoint()) end as needed \gset"

# Of two primaries neither moves its slot on the other: their histories have parted. A lost slot keeps nothing, so it is made
# again the next time. A slot is never moved past what is there.
move="
select case when slot_name is null then pg_create_physical_replication_slot(:'own', true)::text
            when restart_lsn is null then pg_drop_replication_slot(slot_name)::text
            when restart_lsn < wanted then pg_replication_slot_advance(slot_name, wanted)::text end
from (select pg_is_in_recovery() as standby) as there,
     lateral (select least(:'needed', case when there.standby then pg_last_wal_replay_lsn() else pg_current_wal_flush_lsn() end) as wanted) as it
left join pg_replication_slots on slot_name = :'own'
where active is not true and (there.standby or :'standby');"

upstream=''
if [[ -e $PGDATA/standby.signal && -e $upstream_file ]]; then upstream=$(<"$upstream_file"); fi
{
  echo "$needed"
  for peer in $PEERS; do
    if [[ $peer == "$upstream" ]]; then continue; fi
    echo "\\connect 'host=$peer user=replicator dbname=postgres passfile=/run/failover-lab/pgpass connect_timeout=2'"
    echo "$move"
  done
} | timeout 20 psql -wXAtq -v own="${NODE//-/_}" -d postgres >/dev/null 2>&1 || true
