#!/bin/sh
# mmdebstrap calls this with the new root before it configures most packages: their set-up (the initramfs, Docker) must
# find these files. They are only drop-ins, not files that a package brings itself.
set -eu
cp -R --no-preserve=all "$(dirname "$0")/root/." "$1/"
chmod 0440 "$1/etc/sudoers.d/vagrant"
mkdir -p "$1/etc/initramfs-tools"
# The disks of libvirt (virtio) and of VirtualBox (AHCI): one system makes both boxes.
printf '%s\n' virtio_pci virtio_blk ahci sd_mod ext4 >"$1/etc/initramfs-tools/modules"
