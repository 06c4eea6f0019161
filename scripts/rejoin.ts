#!/usr/bin/env zx
// Brings databases that do not follow the primary back as standbys.
import './lab/terminal/begin.ts'

const { labHere } = await import('./lab/docker/here.ts')
const { commandLine } = await import('./lab/terminal/command-line.ts')
const { reporter } = await import('./lab/terminal/steps.ts')
const { managerOf } = await import('./lab/managers/manager-of.ts')
const { rejoinView } = await import('./lab/terminal/rejoin-view.ts')
const { asJson } = await import('./lab/visible.ts')

await commandLine(import.meta.filename, (program) =>
  program
    .description(
      'Bring back every database that does not follow the primary, as a standby: with pg_rewind, or with a fresh copy if that fails. Lists the votes that only it had.',
    )
    .option('--copy', 'make a fresh copy without trying to rewind')
    .option('--discard', 'go on even if the votes that only it has cannot be listed: they are lost')
    .option('--json', 'print JSON')
    .action(async ({ copy, discard, json }: { copy?: boolean; discard?: boolean; json?: boolean }) => {
      const lab = await labHere()
      const it = await managerOf(lab).rejoin(lab, { copy: copy === true, discard: discard === true }, reporter)
      console.log(json ? asJson(it, 2) : rejoinView(it))
    }),
)
