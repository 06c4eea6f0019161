#!/usr/bin/env zx
// Shows and changes, live, what a commit waits for before it is acknowledged.
import { Argument } from 'commander'
import { commandLine } from './lab/command-line.ts'
import { isLevel, LEVELS } from './lab/decide/durability.ts'
import { replicationOf, setLevel } from './lab/decide/replication.ts'
import { readSettings } from './lab/settings.ts'
import { replicationView } from './lab/show/replication-view.ts'
import { labOf } from './lab/topology.ts'

await commandLine(import.meta.filename, (program) =>
  program
    .description('Show the durability level and what each survives, or set another, live.')
    .addArgument(new Argument('[level]', 'the level to set').choices(Object.keys(LEVELS)))
    .option('--json', 'print JSON')
    .option('--force', 'set a level that waits for the standby even while there is none: every commit will hang')
    .action(async (level: string | undefined, { json, force }: { json?: boolean; force?: boolean }) => {
      const lab = labOf(readSettings())
      const it = isLevel(level) ? await setLevel(lab, level, force === true) : await replicationOf(lab)
      console.log(json ? JSON.stringify(it, null, 2) : replicationView(it))
    }),
)
