#!/bin/bash
# Sets this machine's clock forward by what it slept through. While the host sleeps, or the machine is suspended, its
# clock stands still, and so does the time that it is up; the hardware's clock is the host's and goes on.
set -euo pipefail

readonly rtc=/sys/class/rtc/rtc0/since_epoch up=/proc/uptime every=5

# Seconds that the hardware's clock is ahead of the time this machine is up; they grow by what it sleeps.
ahead() {
  local hardware seconds
  read -r hardware <"$rtc"
  read -r seconds _ <"$up"
  echo $((hardware - ${seconds%.*}))
}

known=$(ahead)
while sleep "$every"; do
  now=$(ahead)
  slept=$((now - known))
  # Both are cut to whole seconds, so a difference of one or two says nothing.
  if ((slept > 2)); then
    date --set "$slept seconds" >/dev/null
    echo "This machine slept for $slept s; its clock is set forward by that."
  fi
  # From one look to the next: what the two drift apart over hours is no sleep.
  known=$now
done
