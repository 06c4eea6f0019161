#!/bin/sh
# Removes from the new root $1 what the build left in it, and files that only say when it was built. Gives what is newer
# than the time $2 that time.
set -eu
root=$1
made=$2
rm -rf "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* \
  "$root"/var/cache/ldconfig/aux-cache "$root"/var/cache/debconf/*-old "$root"/var/lib/dpkg/*-old
# The logs are to begin at the machine's first boot.
find "$root/var/log" -type f -exec truncate --size 0 {} +
sed -i '/^force-unsafe-io$/d' "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
sed -i '/Check-Valid-Until/d' "$root/etc/apt/apt.conf.d/99mmdebstrap" 2>/dev/null || true
# Without these files systemd would do some work of the packages' installation again at the first boot (ConditionNeedsUpdate=).
touch "$root/etc/.updated" "$root/var/.updated"
# These keep their own time: layers of the engine (it is part of their digests), and a file that extlinux makes immutable.
find "$root" -xdev \( -path "$root/var/lib/docker" -o -path "$root/var/lib/containerd" \
  -o -path "$root/boot/extlinux/ldlinux.sys" \) -prune \
  -o -newermt "$made" -exec touch --no-dereference --date "$made" {} +
