#!/usr/bin/env bash
# Runs in the VM as root at every `vagrant up`, with the host's http_proxy, https_proxy and no_proxy in its environment:
# sets them for logins, for sudo and for the Docker engine. If the host has none any more, it removes them.
# If a proxy is on the host's loopback, it is tried at the address at which this machine sees the host. If it does not answer
# there, it is left out, and standard output says what to do in case a download fails.
set -euo pipefail

readonly settings=/etc/failover-lab/proxy.env
readonly sudoers=/etc/sudoers.d/failover-lab-proxy
readonly engine=/etc/systemd/system/docker.service.d/failover-lab-proxy.conf
# An address in parts: scheme and user, the loopback, its port, and the rest.
readonly loopback='^(([a-z0-9]+://)?([^@/]*@)?)(localhost|127\.[0-9.]+|\[::1\])(:([0-9]+))?(/.*)?$'

# The address of the host: in libvirt's network and in VirtualBox' NAT it is the default gateway.
host_address() {
  local destination gateway
  while read -r _ destination gateway _; do
    [[ $destination == 00000000 && $gateway =~ ^(..)(..)(..)(..)$ ]] || continue
    printf '%d.%d.%d.%d' "0x${BASH_REMATCH[4]}" "0x${BASH_REMATCH[3]}" "0x${BASH_REMATCH[2]}" "0x${BASH_REMATCH[1]}"
    return
  done </proc/net/route
}

answers() { timeout 5 bash -c "exec 3<>/dev/tcp/$1/$2" 2>/dev/null; }

lines=()
for name in http_proxy https_proxy; do
  proxy=${!name:-}
  [[ $proxy ]] || continue
  if [[ $proxy =~ $loopback ]]; then
    host=$(host_address)
    port=${BASH_REMATCH[6]:-80}
    if ! answers "$host" "$port"; then
      printf '%s is on the loopback of the host (port %s), but does not answer at %s, where this machine sees the host.\n' "$name" "$port" "$host"
      printf 'Let the proxy listen on that address too (or on all), or set one that other machines reach; then: vagrant reload\n'
      continue
    fi
    proxy=${BASH_REMATCH[1]}$host:$port${BASH_REMATCH[7]}
  fi
  lines+=("$name='$proxy'" "${name^^}='$proxy'")
done
if ((${#lines[@]} > 0)); then
  direct=${no_proxy:+$no_proxy,}localhost,127.0.0.1,::1
  lines+=("no_proxy='$direct'" "NO_PROXY='$direct'")
fi

now=$( ((${#lines[@]} == 0)) || printf '%s\n' "${lines[@]}")
[[ $now != "$(cat "$settings" 2>/dev/null)" ]] || exit 0

if [[ $now ]]; then
  mkdir -p "${settings%/*}" "${engine%/*}"
  # It may contain a password: only root and the user may read it.
  install -m 0640 -g vagrant /dev/null "$settings.new"
  printf '%s\n' "$now" >"$settings.new"
  mv "$settings.new" "$settings"
  printf '[Service]\nEnvironmentFile=-%s\n' "$settings" >"$engine"
  install -m 0440 /dev/stdin "$sudoers" <<<'Defaults env_keep += "http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY"'
else
  rm -f "$settings" "$engine" "$sudoers"
fi
if [[ -d /run/systemd/system ]]; then
  systemctl daemon-reload
  # Its containers come back with it.
  systemctl try-restart docker
fi
