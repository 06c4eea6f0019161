#!/usr/bin/env bash
# Usage: while-asked COMMAND… Runs a command, and ends it when the standard input ends: then whoever asked for it is gone. The
# engine itself lets a command go on for which nobody waits any more.
exec 3<&0
"$@" 3<&- &
job=$!
{
  cat >/dev/null
  kill "$job"
} <&3 >/dev/null 2>&1 &
exec 3<&-
wait "$job"
