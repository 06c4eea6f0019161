#!/usr/bin/env zx
// Brings back the database that was left behind, as a standby of the present primary.
import { commandLine } from './lab/command-line.ts'
import { rejoin } from './lab/decide/rejoin.ts'
import { readSettings } from './lab/settings.ts'
import { rejoinView } from './lab/show/rejoin-view.ts'
import { labOf } from './lab/topology.ts'

await commandLine(import.meta.filename, (program) =>
  program
    .description(
      'Bring the old primary back as a standby: with pg_rewind, or with a fresh copy where that fails. Lists the votes that only it had.',
    )
    .option('--copy', 'make a fresh copy without trying to rewind')
    .option('--discard', 'go on also where the votes that only it had cannot be listed: they are lost')
    .option('--json', 'print JSON')
    .action(async ({ copy, discard, json }: { copy?: boolean; discard?: boolean; json?: boolean }) => {
      const it = await rejoin(labOf(readSettings()), { copy: copy === true, discard: discard === true })
      console.log(json ? JSON.stringify(it, null, 2) : rejoinView(it))
    }),
)
