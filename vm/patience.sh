#!/usr/bin/env bash
# Prints by how much every deadline is multiplied on this machine: measured, since an emulated processor and Apple's or
# Linux' hypervisor may all call themselves QEMU.
#
# Usage: patience.sh                  measures
#        patience.sh MICROSECONDS     what so slow a start of a process comes to
set -euo pipefail

# A process starts and ends in this time on a usual machine, in microseconds.
readonly usual=1000
# Where processes start this many times slower, the processor is emulated.
readonly emulated=5
# What Node's compiler loses there more than the rest.
readonly at_least=8 at_most=30

# The best of three, so that a busy moment does not count.
measured() {
  local run i from took best=
  for run in 1 2 3; do
    from=${EPOCHREALTIME//[!0-9]/}
    for ((i = 0; i < 40; i++)); do /bin/true; done
    took=$(((${EPOCHREALTIME//[!0-9]/} - from) / 40))
    [[ $best ]] && ((best <= took)) || best=$took
  done
  echo "$best"
}

slower=$((${1:-$(measured)} / usual))
if ((slower < emulated)); then
  echo 1
elif ((slower < at_least)); then
  echo "$at_least"
elif ((slower > at_most)); then
  echo "$at_most"
else
  echo "$slower"
fi
