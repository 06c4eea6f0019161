#!/usr/bin/env zx
// Gives the lab back as it was when new, in seconds.
import './lab/begin.ts'

const { commandLine } = await import('./lab/command-line.ts')
const { reset } = await import('./lab/decide/reset.ts')
const { readSettings } = await import('./lab/settings.ts')
const { statusTable } = await import('./lab/show/status-view.ts')
const { columnsOf } = await import('./lab/terminal.ts')
const { labOf } = await import('./lab/topology.ts')
const { asJson } = await import('./lab/visible.ts')

await commandLine(import.meta.filename, (program) =>
  program
    .description(
      'Return all nodes to the pristine state: fresh, replicating databases. All polls and votes are deleted.',
    )
    .option('--json', 'print the status as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const status = await reset(labOf(readSettings()))
      console.log(json ? asJson(status, 2) : `\n${statusTable(status, columnsOf(process.stdout))}`)
    }),
)
