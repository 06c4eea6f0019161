# The database that NODE follows as long as it is a standby. start.sh, start-note.sh and follow.sh use this file.
upstream_file=${PGDATA%/*}/upstream

# Usage: set_upstream DATABASE
set_upstream() {
  echo "$1" >"$upstream_file.new"
  mv -f "$upstream_file.new" "$upstream_file"
}

# Writes what PostgreSQL needs to know about its own name and its upstream.
write_node_conf() {
  local upstream=''
  if [[ -e $upstream_file ]]; then upstream=$(<"$upstream_file"); fi
  cat >/run/failover-lab/node.conf <<CONF
cluster_name = '$NODE'
primary_slot_name = '${NODE//-/_}'
primary_conninfo = '${upstream:+host=$upstream user=replicator passfile=/run/failover-lab/pgpass application_name=$NODE connect_timeout=2}'
CONF
}
