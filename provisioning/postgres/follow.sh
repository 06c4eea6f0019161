#!/usr/bin/env bash
# Usage: follow DATABASE. Points the standby that runs here at another database: from now on it streams from there.
set -euo pipefail
umask 077
source /usr/local/share/failover-lab/upstream.sh

set_upstream "$1"
write_node_conf
pg_ctl reload -s
