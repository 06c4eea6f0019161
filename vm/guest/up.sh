#!/usr/bin/env bash
# Runs in the VM as root at every `vagrant up`. First it writes down what the lab must know about this machine. Then it
# provisions, as on any other machine.
set -euo pipefail

readonly profile=/etc/profile.d/failover-lab.sh
readonly settings=/etc/failover-lab/settings.env
readonly certificates=/usr/local/share/ca-certificates/host

# The host's settings for the lab in here, one assignment in each word. Without LAB_PATIENCE, the machine's speed decides.
read -ra given <<<"${GUEST_SETTINGS:-}"
[[ " ${given[*]} " == *' LAB_PATIENCE='* ]] || given+=("LAB_PATIENCE=$(bash /vagrant/vm/guest/patience.sh)")
# Only root and the user may read it: an address may contain a password.
mkdir -p "${settings%/*}"
install -m 0640 -g vagrant /dev/null "$settings.new"
printf '%s\n' "${given[@]}" >"$settings.new"
mv "$settings.new" "$settings"

trusts_host=
if compgen -G "$certificates/*.crt" >/dev/null || compgen -G "$certificates/*/*.crt" >/dev/null; then
  known=/var/lib/failover-lab-certificates
  now=$(find "$certificates" -name '*.crt' -exec sha256sum {} + | sort)
  if [[ ! -e $known ]]; then
    # This adds to the bundle that npm, curl and apt read. update-ca-certificates would read its 150 certificates again, one by
    # one: that takes most of a minute under emulation.
    mkdir -p /etc/ssl/certs
    find "$certificates" -name '*.crt' -exec cat {} + >>/etc/ssl/certs/ca-certificates.crt
  elif [[ $(<"$known") != "$now" ]]; then
    update-ca-certificates >/dev/null
  fi
  printf '%s\n' "$now" >"$known"
  # Node brings its own list of authorities, and adds the ones of this file.
  trusts_host='export NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt'
fi

# The host's proxies that cannot be reached from here. Every download would fail, but perhaps nothing has to be downloaded.
unreachable=$(bash /vagrant/vm/guest/proxy.sh)
[[ -z $unreachable ]] || printf '%s\n' "$unreachable" >&2

# The box has what npm would install, if package-lock.json is the one that the box was built with.
readonly carried=/opt/failover-lab/node_modules
if [[ ! -e /vagrant/node_modules && $(cat $carried/.installed-for 2>/dev/null) == "$(sha256sum </vagrant/package-lock.json)" ]]; then
  mv $carried /vagrant/
fi

# Renamed into place, so that no login ever reads half of it.
cat >"$profile.new" <<PROFILE
# Written by vm/guest/up.sh at every \`vagrant up\`.
if [ "\$HOME" = /home/vagrant ]; then
  PATH=/vagrant/node_modules/.bin:\$PATH
  # Forwarded ports reach the outer interface of this machine, not its loopback.
  export LAB_BIND=0.0.0.0
  if [ -r $settings ]; then set -a; . $settings; set +a; fi
  # So that \`psql -h localhost\` is enough.
  export PGUSER=owner PGDATABASE=polling
  unset PGHOST
  # With its compiled code kept, a verb starts in half of the time.
  export NODE_COMPILE_CACHE=/home/vagrant/.cache/node
  $trusts_host
  if [ -r /etc/failover-lab/proxy.env ]; then set -a; . /etc/failover-lab/proxy.env; set +a; fi
  if [ "\$PWD" = "\$HOME" ] && [ -d /vagrant ]; then cd /vagrant; fi
fi
PROFILE
mv "$profile.new" "$profile"

# This uses a login shell of the user who works here, so that it has the settings above and the user's new groups.
# It calls bash by name: files from a Windows host may not be executable.
runuser --login vagrant --command 'bash /vagrant/provisioning/provision.sh' || {
  [[ -z $unreachable ]] || printf '\nIf something could not be downloaded: %s\n' "$unreachable" >&2
  exit 1
}
