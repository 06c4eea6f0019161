#!/bin/sh
# Called by mmdebstrap with the new root after all packages: the user that Vagrant logs in as, and the services.
set -eu
root=$1
in_root() { chroot "$root" "$@"; }

# mmdebstrap has copied these two files from the build machine.
cp --no-preserve=all "$(dirname "$0")/root/etc/hostname" "$root/etc/hostname"
ln -sf ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"

in_root useradd --create-home --shell /bin/bash --groups sudo,docker vagrant
install -d -m 0700 "$root/home/vagrant/.ssh"
# Vagrant's published key, which Vagrant replaces with one of its own at the first `vagrant up`.
install -m 0600 "$(dirname "$0")/vagrant.pub" "$root/home/vagrant/.ssh/authorized_keys"
in_root chown -R vagrant:vagrant /home/vagrant/.ssh

in_root systemctl --quiet enable systemd-networkd systemd-resolved systemd-timesyncd ssh docker failover-lab-clock
# It would compile a hundred profiles of missing programs at the first boot: half a minute under emulation.
# The engine loads the profile of its containers itself.
in_root systemctl --quiet mask apparmor.service
# A lab under measurement must not begin to upgrade itself, and waiting for the network is not needed to boot.
in_root systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
  e2scrub_reap.service fstrim.timer systemd-networkd-wait-online.service

rm -f "$root"/etc/ssh/ssh_host_*
: >"$root/etc/machine-id"
