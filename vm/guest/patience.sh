#!/usr/bin/env bash
# Prints the factor for every deadline on this machine. It measures, because an emulated processor, Apple's hypervisor and
# Linux' hypervisor may all call themselves QEMU.
#
# Usage: patience.sh                  measures
#        patience.sh MICROSECONDS     prints the factor for a machine that starts a process in this time
set -euo pipefail

# A process starts and ends in this time on a usual machine, in microseconds.
readonly usual=1000
# If processes start this many times slower, the processor is emulated.
readonly emulated=5
# Limits of the factor on an emulated processor: Node's compiler loses more than the rest.
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
