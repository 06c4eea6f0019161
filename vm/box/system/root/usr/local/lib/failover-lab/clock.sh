#!/bin/bash
# Sets this machine's clock forward after a sleep. While the host sleeps or the machine is suspended, the machine's clock and
# its uptime stand still. The hardware clock is the host's, and goes on.
set -euo pipefail

readonly rtc=/sys/class/rtc/rtc0/since_epoch up=/proc/uptime every=5

# Nothing is ever written to this pipe, so a read is a pause. It starts no process: that is slow on an emulated processor.
exec {silence}<> <(:)

# Sets $now to the hardware clock minus the uptime, in seconds: it grows by the length of each sleep.
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
  # It compares only with the last look: over hours the two clocks drift apart without any sleep.
  known=$now
done
