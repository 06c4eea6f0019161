#!/usr/bin/env zx
// Gives the lab back as it was when new, in seconds.
import { commandLine } from './lab/command-line.ts'
import { reset } from './lab/decide/reset.ts'
import { readSettings } from './lab/settings.ts'
import { statusTable } from './lab/show/status-view.ts'
import { labOf } from './lab/topology.ts'

await commandLine(import.meta.filename, (program) =>
  program
    .description(
      'Return all nodes to the pristine state: fresh, replicating databases. All polls and votes are deleted.',
    )
    .option('--json', 'print the status as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const status = await reset(labOf(readSettings()))
      console.log(json ? JSON.stringify(status, null, 2) : `\n${statusTable(status)}`)
    }),
)
