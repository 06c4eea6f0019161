#!/usr/bin/env zx
// Removes the lab and its data.
import './lab/terminal/begin.ts'

const { commandLine } = await import('./lab/terminal/command-line.ts')
const { reporter } = await import('./lab/terminal/steps.ts')
const { teardown } = await import('./lab/verbs/teardown.ts')
const { readSettings } = await import('./lab/settings.ts')
const { labOf } = await import('./lab/topology/topology.ts')

await commandLine(import.meta.filename, (program) =>
  program
    .description('Remove the lab: its nodes, all polls and votes, its network and passwords. Nothing else is touched.')
    .option('--images', 'remove the images too; the next setup builds them again', false)
    .action(({ images }: { images: boolean }) => teardown(labOf(readSettings()), { images }, reporter)),
)
