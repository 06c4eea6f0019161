# The database that NODE follows as long as it is a standby, and what else NODE is told by a file of its own. prepare-data.sh,
# start-note.sh, follow.sh and archiving.sh use this file.
upstream_file=${PGDATA%/*}/upstream

# Usage: set_upstream DATABASE
set_upstream() {
  echo "$1" >"$upstream_file.new"
  mv -f "$upstream_file.new" "$upstream_file"
}

# Writes what PostgreSQL needs to know about its own name and its upstream. With an archive, a vote is there after a minute;
# without one that would only send 16 MB a minute to every standby.
write_node_conf() {
  local upstream='' timeout=0
  if [[ -e /var/lib/pgbackrest/on ]]; then timeout=60s; fi
  if [[ -e $upstream_file ]]; then upstream=$(<"$upstream_file"); fi
  cat >/run/failover-lab/node.conf <<CONF
cluster_name = '$NODE'
primary_slot_name = '${NODE//-/_}'
primary_conninfo = '${upstream:+host=$upstream user=replicator passfile=/run/failover-lab/pgpass application_name=$NODE connect_timeout=2}'
archive_timeout = $timeout
CONF
}
