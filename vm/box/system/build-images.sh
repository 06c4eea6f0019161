#!/bin/sh
# Builds the lab's images with the engine in the new root $1, and into that root, where the machine finds them. $2 is the
# project. It runs in its own mount and process namespaces: when these end, all its processes and mounts end.
set -eu
root=$1
project=$2
# If one of the processes fails, the others do not end by themselves.
trap 'kill 0 2>/dev/null' EXIT

mount --make-rprivate /
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mkdir -p "$root/vagrant" "$root/run/systemd/resolve"
mount --bind "$project" "$root/vagrant"
# The machine's own resolver will write this file.
cat /etc/resolv.conf >"$root/run/systemd/resolve/stub-resolv.conf"

# containerd starts the processes of a build in its own network namespace, which is this host's. dockerd gets another one:
# it would delete the bridge of this host's engine.
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
# The lab has a name of its own: its lock is on this host, where a lab or another build may be running.
in_project env LAB_NAME="box-$(basename "${root%/*}" | tr -cd 0-9)" node scripts/setup.ts --images-only
# Removes what failed builds have left.
in_project docker image prune --force >/dev/null
# Compiles the verbs into the folder that vm/guest/up.sh names: under emulation each would take several seconds to compile.
# Node keeps compiled code for each user, so the user vagrant runs them, with the right to read the project.
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

# Everything is on the disk only when both have ended.
kill "$engine"
wait "$engine" || true
kill "$containerd"
wait "$containerd" || true
trap - EXIT
