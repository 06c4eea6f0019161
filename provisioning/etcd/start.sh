#!/usr/bin/env bash
# Starts the store NODE, one of STORES. The first time it waits for one more of them; with both, they ask for a password from
# then on. Only `patroni` may change what is below /service/, and `root` all.
set -euo pipefail

secrets=/run/secrets
umask 077

members=''
for store in $STORES; do members+="${members:+,}$store=http://$store:2380"; done

# Passwords are asked for as soon as two stores agree on it: until then there is nothing to read. What an interrupted start has
# made already is there.
ask_for_passwords() {
  export ETCDCTL_ENDPOINTS=http://127.0.0.1:2379
  # Whoever gives no password is refused once they are asked for.
  until etcdctl endpoint health --command-timeout=2s; do
    if etcdctl auth status --command-timeout=2s --user "root:$(<$secrets/etcd)" | grep -q 'Status: true'; then return; fi
    sleep 0.2
  done
  etcdctl user add "root:$(<$secrets/etcd)" || true
  etcdctl user grant-role root root || true
  etcdctl role add patroni || true
  etcdctl role grant-permission patroni --prefix=true readwrite /service/ || true
  etcdctl user add "patroni:$(<$secrets/patroni)" || true
  etcdctl user grant-role patroni patroni || true
  etcdctl auth enable
}
# One of them is enough.
if [[ $NODE == "${STORES%% *}" ]]; then ask_for_passwords >/dev/null 2>&1 & fi

exec etcd --name "$NODE" --data-dir /var/lib/etcd/data \
  --listen-client-urls http://0.0.0.0:2379 --advertise-client-urls "http://$NODE:2379" \
  --listen-peer-urls http://0.0.0.0:2380 --initial-advertise-peer-urls "http://$NODE:2380" \
  --initial-cluster "$members" --initial-cluster-token failover-lab --initial-cluster-state new \
  --bcrypt-cost 4 --logger zap --log-level warn
