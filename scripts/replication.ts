#!/usr/bin/env zx
// Shows and changes what a commit waits for, while the lab runs.
import './lab/terminal/begin.ts'

const { Argument } = await import('commander')
const { commandLine } = await import('./lab/terminal/command-line.ts')
const { onTerminal } = await import('./lab/terminal/steps.ts')
const { isLevel, LEVELS } = await import('./lab/rules/durability.ts')
const { replicationOf, setLevel } = await import('./lab/verbs/replication.ts')
const { readSettings } = await import('./lab/settings.ts')
const { replicationView } = await import('./lab/terminal/replication-view.ts')
const { labOf } = await import('./lab/topology/topology.ts')
const { asJson } = await import('./lab/visible.ts')

await commandLine(import.meta.filename, (program) =>
  program
    .description('Show the durability level and what each level survives, or set another while the lab runs.')
    .addArgument(new Argument('[level]', 'the level to set').choices(Object.keys(LEVELS)))
    .option('--json', 'print JSON')
    .option('--force', 'set a level that waits for the standby although there is none: every commit will hang')
    .action(async (level: string | undefined, { json, force }: { json?: boolean; force?: boolean }) => {
      const lab = labOf(readSettings())
      const it = isLevel(level) ? await setLevel(lab, level, force === true, onTerminal) : await replicationOf(lab)
      console.log(json ? asJson(it, 2) : replicationView(it))
    }),
)
