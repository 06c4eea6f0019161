#!/bin/sh
# Builds the lab's images with the engine that is installed in the new root $1, into that root: the machine then finds
# them there. $2 is the project. Called in mount and process namespaces of its own, which end all that is left of it.
set -eu
root=$1
project=$2
# For dockerd and node, neither of which ends by itself when the other fails.
trap 'kill 0 2>/dev/null' EXIT

mount --make-rprivate /
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mkdir -p "$root/vagrant" "$root/run/systemd/resolve"
mount --bind "$project" "$root/vagrant"
# Where the machine's own resolver will be.
cat /etc/resolv.conf >"$root/run/systemd/resolve/stub-resolv.conf"

# Builds use this host's network as it is: the engine needs no bridge and no firewall rule. Nor may it have them: without
# a bridge of its own it would delete the one of an engine that this host runs.
chroot "$root" setpriv --bounding-set=-net_admin dockerd --bridge=none --iptables=false --ip6tables=false \
  --ip-forward=false --group=root >"$root/run/dockerd.log" 2>&1 &
engine=$!
tries=0
until chroot "$root" docker info >/dev/null 2>&1; do
  tries=$((tries + 1))
  if ! kill -0 "$engine" 2>/dev/null || [ "$tries" -gt 300 ]; then
    tail -n 15 "$root/run/dockerd.log" >&2
    echo 'the engine in the box did not start' >&2
    exit 1
  fi
  sleep 0.2
done

chroot "$root" env -C /vagrant PATH="/vagrant/node_modules/.bin:$PATH" node scripts/setup.ts --images-only

# Only then is all of it on the disk.
kill "$engine"
wait "$engine" || true
trap - EXIT
