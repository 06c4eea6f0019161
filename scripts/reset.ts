#!/usr/bin/env zx
// Brings the lab back to its first state, in seconds.
import './lab/terminal/begin.ts'

const { labHere } = await import('./lab/docker/here.ts')
const { commandLine } = await import('./lab/terminal/command-line.ts')
const { reporter } = await import('./lab/terminal/steps.ts')
const { reset } = await import('./lab/verbs/reset.ts')
const { statusTable } = await import('./lab/terminal/status-view.ts')
const { columnsOf } = await import('./lab/terminal/abilities.ts')
const { asJson } = await import('./lab/visible.ts')

await commandLine(import.meta.filename, (program) =>
  program
    .description(
      'Bring all nodes back to their first state, with empty databases that replicate. All polls, votes and backups are deleted.',
    )
    .option('--json', 'print the status as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const status = await reset(await labHere(), reporter)
      console.log(json ? asJson(status, 2) : `\n${statusTable(status, columnsOf(process.stdout))}`)
    }),
)
