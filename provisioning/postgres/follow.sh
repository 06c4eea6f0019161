#!/usr/bin/env bash
# Usage: follow DATABASE. Points the standby that runs here at another database: from now on it streams from there.
set -euo pipefail
umask 077
source /usr/local/share/failover-lab/upstream.sh
source /usr/local/share/failover-lab/start-note.sh

# A note that names another database for the next start is out of date.
read_note
if [[ $what == follow && ! $fenced ]]; then write_note keep; fi
set_upstream "$1"
write_node_conf
pg_ctl reload -s
