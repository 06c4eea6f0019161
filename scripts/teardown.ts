#!/usr/bin/env zx
// Removes the lab and its data.
import { commandLine } from './lab/command-line.ts'
import { teardown } from './lab/decide/teardown.ts'
import { readSettings } from './lab/settings.ts'
import { labOf } from './lab/topology.ts'

await commandLine(import.meta.filename, (program) =>
  program
    .description('Remove the lab: its nodes, all polls and votes, its network and passwords. Nothing else is touched.')
    .option('--images', 'remove the images too; the next setup builds them again', false)
    .action(({ images }: { images: boolean }) => teardown(labOf(readSettings()), { images })),
)
