#!/usr/bin/env bash
# Usage: archiving on|off|seen. Says in the repository, for all databases, whether the primary archives its WAL. `seen`: only the
# database that runs here takes notice.
set -euo pipefail
umask 077
source /usr/local/share/failover-lab/upstream.sh

case $1 in
  on)
    # A restore along a timeline needs its history, which was written when the database was promoted, perhaps before today.
    for file in "$PGDATA"/pg_wal/*.history; do
      if [[ -e $file ]]; then pgbackrest --stanza=lab archive-push "$file"; fi
    done
    touch /var/lib/pgbackrest/on
    ;;
  off) rm -f /var/lib/pgbackrest/on ;;
esac
write_node_conf
pg_ctl reload -s
