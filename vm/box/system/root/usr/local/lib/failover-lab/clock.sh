#!/bin/bash
# Sets this machine's clock forward by what it slept through. While the host sleeps, or the machine is suspended, its
# clock stands still, and so does the time that it is up; the hardware's clock is the host's and goes on.
set -euo pipefail

readonly rtc=/sys/class/rtc/rtc0/since_epoch up=/proc/uptime every=5

# Nothing ever comes out of it: a wait for it is a pause without a process, which an emulated processor would feel.
exec {silence}<> <(:)

# Leaves in $now the seconds that the hardware's clock is ahead of the time this machine is up: what it sleeps is added.
look() {
  local hardware seconds
  read -r hardware <"$rtc"
  read -r seconds _ <"$up"
  now=$((hardware - ${seconds%.*}))
}

look
known=$now
while :; do
  read -r -t "$every" -u "$silence" || true
  look
  slept=$((now - known))
  # Both are cut to whole seconds, so a difference of one or two says nothing.
  if ((slept > 2)); then
    date --set "$slept seconds" >/dev/null
    echo "This machine slept for $slept s; its clock is set forward by that."
  fi
  # From one look to the next: what the two drift apart over hours is no sleep.
  known=$now
done
