#!/usr/bin/env zx
import { setTimeout as pause } from 'node:timers/promises'
// Shows every node (role, timeline, LSN, lag, slot, health) and which servers answer calls.
import { endWithReader, watchReader } from './lab/terminal/begin.ts'

const { InvalidArgumentError } = await import('commander')
const { commandLine } = await import('./lab/terminal/command-line.ts')
const { decimal } = await import('./lab/numbers.ts')
const { openObserver } = await import('./lab/postgres/observer.ts')
const { statusAsItRuns } = await import('./lab/verbs/status.ts')
const { interruption } = await import('./lab/interruption.ts')
const { readSettings } = await import('./lab/settings.ts')
const { canDraw, redrawn } = await import('./lab/terminal/live-view.ts')
const { statusTable } = await import('./lab/terminal/status-view.ts')
const { columnsOf } = await import('./lab/terminal/abilities.ts')
const { labOf } = await import('./lab/topology/topology.ts')
const { asJson } = await import('./lab/visible.ts')

const seconds = (text: string): number => {
  const value = decimal(text)
  if (!(value >= 0.2 && value <= 3600)) throw new InvalidArgumentError('It must be a number of seconds, 0.2 to 3600.')
  return value
}

endWithReader()
await commandLine(import.meta.filename, (program) =>
  program
    .description('Show all nodes. Exit code 0 if all are healthy, else 1.')
    .option('--json', 'print JSON; with --watch, one object on each line')
    .option('-w, --watch [seconds]', 'look again every this many seconds (default: 1) until Ctrl-C', seconds)
    .action(async ({ json, watch }: { json?: boolean; watch?: number | true }) => {
      const lab = labOf(readSettings())
      if (watch === undefined) {
        const status = await statusAsItRuns(lab)
        console.log(json ? asJson(status, 2) : statusTable(status, columnsOf(process.stdout)))
        process.exitCode = status.healthy ? 0 : 1
        return
      }
      watchReader()
      const observer = openObserver(lab)
      while (!interruption.signal.aborted) {
        const status = await statusAsItRuns(lab, observer)
        if (json) console.log(asJson(status))
        else {
          const picture = `${status.at}\n${statusTable(status, columnsOf(process.stdout))}`
          console.log(canDraw() ? redrawn(picture) : picture)
        }
        await pause((watch === true ? 1 : watch) * 1000, undefined, { signal: interruption.signal })
      }
    }),
)
