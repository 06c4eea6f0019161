#!/usr/bin/env zx
// Gives the lab back as it was when new, in seconds.
import './lab/terminal/begin.ts'

const { commandLine } = await import('./lab/terminal/command-line.ts')
const { onTerminal } = await import('./lab/terminal/steps.ts')
const { reset } = await import('./lab/verbs/reset.ts')
const { readSettings } = await import('./lab/settings.ts')
const { statusTable } = await import('./lab/terminal/status-view.ts')
const { labOf } = await import('./lab/topology/topology.ts')
const { asJson } = await import('./lab/visible.ts')

await commandLine(import.meta.filename, (program) =>
  program
    .description(
      'Return all nodes to the pristine state: fresh, replicating databases. All polls and votes are deleted.',
    )
    .option('--json', 'print the status as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const status = await reset(labOf(readSettings()), onTerminal)
      console.log(json ? asJson(status, 2) : `\n${statusTable(status)}`)
    }),
)
