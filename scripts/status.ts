#!/usr/bin/env zx
// Shows every node: role, timeline, LSN, lag, slot, health, and who serves.
import { setTimeout as pause } from 'node:timers/promises'
import { InvalidArgumentError } from 'commander'
import { commandLine } from './lab/command-line.ts'
import { statusOf } from './lab/decide/status.ts'
import { interruption } from './lab/interruption.ts'
import { readSettings } from './lab/settings.ts'
import { statusTable } from './lab/show/status-view.ts'
import { labOf } from './lab/topology.ts'

const seconds = (text: string): number => {
  const value = Number(text)
  if (!(value >= 0.2 && value <= 3600)) throw new InvalidArgumentError('It must be a number of seconds, 0.2 to 3600.')
  return value
}

await commandLine(import.meta.filename, (program) =>
  program
    .description('Show all nodes. Exit code 0 when all five are healthy, 1 when not.')
    .option('--json', 'print JSON, with --watch one object a line')
    .option('-w, --watch [seconds]', 'look again every so many seconds (default: 1) until Ctrl-C', seconds)
    .action(async ({ json, watch }: { json?: boolean; watch?: number | true }) => {
      const lab = labOf(readSettings())
      if (watch === undefined) {
        const status = await statusOf(lab)
        console.log(json ? JSON.stringify(status, null, 2) : statusTable(status))
        process.exitCode = status.healthy ? 0 : 1
        return
      }
      while (!interruption.signal.aborted) {
        const status = await statusOf(lab)
        if (json) console.log(JSON.stringify(status))
        // Home, then clear what is left of the last picture: no flicker.
        else console.log(`${process.stdout.isTTY ? '\x1b[H\x1b[J' : ''}${status.at}\n${statusTable(status)}`)
        await pause((watch === true ? 1 : watch) * 1000, undefined, { signal: interruption.signal })
      }
    }),
)
