#!/bin/sh
# Builds the lab's images with the engine that is installed in the new root $1, into that root: the machine then finds
# them there. $2 is the project. Called in mount and process namespaces of its own, which end all that is left of it.
set -eu
root=$1
project=$2
# None of them ends by itself when another fails.
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

# containerd starts what a build runs, in its own network namespace: this host's. dockerd gets one of its own, since it
# would delete the bridge of an engine that this host runs.
chroot "$root" containerd >"$root/run/containerd.log" 2>&1 &
containerd=$!
chroot "$root" unshare --net dockerd --containerd=/run/containerd/containerd.sock --bridge=none --iptables=false \
  --ip6tables=false --group=root >"$root/run/dockerd.log" 2>&1 &
engine=$!
tries=0
until chroot "$root" docker info >/dev/null 2>&1; do
  tries=$((tries + 1))
  if ! kill -0 "$engine" "$containerd" 2>/dev/null || [ "$tries" -gt 300 ]; then
    tail -n 8 "$root/run/containerd.log" "$root/run/dockerd.log" >&2
    echo 'the engine in the box did not start' >&2
    exit 1
  fi
  sleep 0.2
done

in_project() { chroot "$root" env -C /vagrant PATH="/vagrant/node_modules/.bin:$PATH" "$@"; }
# Under a name of its own: the lock is this host's, where a lab may be at work, or another box be built.
in_project env LAB_NAME="box-$(basename "${root%/*}" | tr -cd 0-9)" node scripts/setup.ts --images-only
# What failed builds, or their steps, have left.
in_project docker image prune --force >/dev/null
# The verbs' compiled code, where vm/guest.sh has them look for it: emulated, compiling them takes several seconds each.
# Node keeps it by user, so it is that user who runs them, whoever may read the project.
readonly cache=/home/vagrant/.cache/node
chroot "$root" runuser -u vagrant -- mkdir -p "$cache"
as_user() {
  in_project setpriv --reuid=vagrant --regid=vagrant --init-groups --inh-caps=+dac_read_search \
    --ambient-caps=+dac_read_search env HOME=/home/vagrant NODE_COMPILE_CACHE="$cache" "$@" >/dev/null
}
for verb in "$project"/scripts/*.ts; do
  as_user zx "scripts/${verb##*/}" --help
done
# What setup loads last, and `--help` does not.
as_user node scripts/lab/managers/scripted/failover.ts
in_project node vm/box/system/describe-images.ts >"$root/opt/failover-lab/images.json"

# Only then is all of it on the disk.
kill "$engine"
wait "$engine" || true
kill "$containerd"
wait "$containerd" || true
trap - EXIT
