#!/usr/bin/env bash
# Brings rights and schema of this node's database up to date: applies what is not applied yet, and says what it applied.
# The node has to be the primary. The superuser comes in without a password here, so no node needs that of the owner.
# Safe when two run at once: the second waits, and finds nothing left to do.
set -euo pipefail

rights=/etc/failover-lab/roles.sql
migrations=/etc/failover-lab/migrations

exec 9>/run/failover-lab/migrate.lock
flock --timeout 60 9

# A synchronous standby is not waited for: it may be the next to come up.
export PGOPTIONS='-c client_min_messages=warning -c lock_timeout=30s -c synchronous_commit=local'
sql() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; }
digest() { sha256sum <"$1" | cut -d ' ' -f 1; }

wanted="Rights: roles.sql $(digest $rights)"
found=$(sql -d postgres -c "select shobj_description(oid, 'pg_database') from pg_database where datname = 'polling'")
if [[ $found != "$wanted" ]]; then
  sql -d postgres -f $rights -c "comment on database polling is '$wanted'"
  echo 'applied rights'
fi

# Which were applied, by number. Without an answer nothing is known, and nothing may be applied.
rows=$(
  sql -d polling -F ' ' -c 'set role owner' -c 'create table if not exists schema_migration (
    version    integer primary key,
    name       text not null,
    sha256     text not null,
    applied_at timestamptz not null default now()
  )' -c 'select version, sha256 from schema_migration'
)
declare -A applied
while read -r version sha256; do
  if [[ $version ]]; then applied[$version]=$sha256; fi
done <<<"$rows"

for file in "$migrations"/*.sql; do
  words=$(basename "$file" .sql)
  version=$((10#${words%%-*})) name=${words#*-} sha256=$(digest "$file")
  [[ ${applied[$version]:-} == "$sha256" ]] && continue
  if [[ ${applied[$version]:-} ]]; then
    echo "migration $words was applied from a file that has been changed since" >&2
    exit 1
  fi
  sql -d polling --single-transaction -c 'set local role owner' -f "$file" \
    -c "insert into schema_migration (version, name, sha256) values ($version, '$name', '$sha256')"
  echo "applied migration $words"
done
