#!/bin/sh
# Called by mmdebstrap with the new root before most packages are configured: their set-up (the initramfs, Docker)
# must find these files. Only drop-ins, no file that a package brings itself.
set -eu
cp -R --no-preserve=all "$(dirname "$0")/root/." "$1/"
chmod 0440 "$1/etc/sudoers.d/vagrant"
mkdir -p "$1/etc/initramfs-tools"
printf '%s\n' virtio_pci virtio_blk ext4 >"$1/etc/initramfs-tools/modules"
