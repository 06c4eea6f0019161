#!/usr/bin/env bash
# Turns a bare Debian or Ubuntu machine, or the VM, into a lab host and brings the lab up.
# Safe to run again at any time: it goes on where it stopped. Root, or a user who may use sudo.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '\n\033[1m%s\033[0m\n' "$*" >&2; }
fail() {
  printf '\n✗ %s\n  → %s\n' "$1" "$2" >&2
  exit 1
}

# There are no options: --help and others print this.
if (($# > 0)); then
  printf 'Usage: %s\nInstalls what the lab needs, then brings it up. Settings: LAB_* variables, see README.md.\n' "$0"
  [[ $1 == --help || $1 == -h ]] && exit 0
  exit 2
fi

# The lab's user: under `sudo ./provision.sh` the user who called sudo, not root.
user=$(id -un)
[[ $EUID == 0 && -n ${SUDO_USER:-} ]] && user=$SUDO_USER

# shellcheck source=provisioning/proxy.sh
. provisioning/proxy.sh
root() {
  if ((EUID == 0)); then "$@"; else sudo ${proxied:+"--preserve-env=$proxied"} "$@"; fi
}
# Runs a command as the lab's user. sudo reads the groups again, so the engine may be used before the next login.
as_user() {
  if [[ $(id -un) != "$user" ]] || { ((EUID != 0)) && ! may_use_engine; }; then
    sudo --preserve-env --set-home --user "$user" env "PATH=$PATH" "$@"
  else
    "$@"
  fi
}
# Runs a step with its output in a log, and shows the end of that only if the step fails.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
quietly() {
  "$@" >"$log" 2>&1 || {
    # Hides the user and password that a proxy's address may contain.
    tail -n 30 "$log" | sed -E 's#(://)[^/@[:space:]]+@#\1***@#g' >&2
    return 1
  }
}

# shellcheck disable=SC1091
. /etc/os-release 2>/dev/null || true
[[ " ${ID:-} ${ID_LIKE:-} " == *" debian "* ]] || fail "This is ${PRETTY_NAME:-not Linux}; the script knows Debian and Ubuntu." \
  "Install Docker, npm, mmdebstrap and psql your system's way, then: npm ci && npm run setup"
case $(uname -m) in x86_64 | aarch64) ;; *) fail "The processor is $(uname -m)." "Use a machine or VM with amd64 or arm64." ;; esac

# If there is a socket, it answers at once; the docker command takes a second in an emulated machine.
may_use_engine() { [[ -w /var/run/docker.sock ]] || docker info >/dev/null 2>&1; }
engine_answers() { docker info >/dev/null 2>&1 || { [[ -S /var/run/docker.sock ]] && root docker info >/dev/null 2>&1; }; }

# 1. Packages
# A package that dpkg knows counts when it is configured: an interrupted installation may leave its command behind.
declare -A known
while read -r package state; do known[$package]=$state; done < <(dpkg-query -W -f='${Package} ${db:Status-Status}\n')
missing=()
while read -r package command _; do
  [[ -z $package || $package == \#* ]] && continue
  [[ ${known[${package%\?}]:-} == installed ]] && continue
  # Any engine that answers is good enough, from any source.
  [[ $package == docker* ]] && engine_answers && continue
  case ${known[${package%\?}]:-} in
    '' | not-installed | config-files) PATH=$PATH:/usr/sbin:/sbin command -v "$command" >/dev/null && continue ;;
  esac
  missing+=("$package")
done <provisioning/packages.txt

if ((${#missing[@]} > 0)); then
  say "Installing packages: ${missing[*]%\?}"
  root bash provisioning/install-packages "${missing[@]}" ||
    fail "The packages could not be installed; the last lines of apt-get are above." "Repair what they name and run this again."
fi

# 2. Engine
if ! engine_answers; then
  if [[ -d /run/systemd/system ]]; then
    say "Starting the Docker engine (systemctl enable --now docker)"
    root systemctl enable --now docker
  else
    say "Starting the Docker engine (dockerd, log in /var/log/dockerd.log)"
    root bash -c 'setsid dockerd >>/var/log/dockerd.log 2>&1 </dev/null &'
  fi
  deadline=$((SECONDS + 60 * ${LAB_PATIENCE:-1}))
  until engine_answers; do
    ((SECONDS < deadline)) || fail "The Docker engine did not answer in time." "See /var/log/dockerd.log, or journalctl -u docker."
    sleep 0.2
  done
fi
if [[ $user != root ]] && ! id -nG "$user" | grep -qw docker && getent group docker >/dev/null; then
  if ! sudo -u "$user" docker info >/dev/null 2>&1; then
    say "Letting $user use the engine (group docker)"
    root usermod -aG docker "$user"
  fi
fi

# 3. Node and libraries, as package-lock.json pins them
# Node has its own list of certificate authorities. It has to be told those that were added to this machine.
if [[ -n $(find /usr/local/share/ca-certificates -name '*.crt' -print -quit 2>/dev/null) ]]; then
  export NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}
fi
digest=$(sha256sum <package-lock.json)
if [[ $(cat node_modules/.installed-for 2>/dev/null) != "$digest" || ! -x node_modules/.bin/node ]]; then
  say "Installing Node and the libraries that package-lock.json pins (npm ci)"
  quietly as_user npm ci || fail "npm ci failed; its last lines are above." "Repair what they name and run this again."
  as_user tee node_modules/.installed-for <<<"$digest" >/dev/null
fi

# 4. The lab
say "Bringing the lab up (zx scripts/setup.ts)"
as_user env "PATH=$PWD/node_modules/.bin:$PATH" zx scripts/setup.ts
