#!/usr/bin/env bash
# Starts the balancer with deadlines that grow with PATIENCE, as those of the servers do.
set -euo pipefail

cat >/tmp/deadlines.conf <<CONF
# A dead container does not answer at all: it does not even refuse.
grpc_connect_timeout ${PATIENCE}s;
# The servers give up after 14 s times PATIENCE at the latest, so this means that the server itself is stuck.
grpc_read_timeout $((15 * PATIENCE))s;
grpc_send_timeout $((15 * PATIENCE))s;
CONF
exec nginx -g 'daemon off;'
