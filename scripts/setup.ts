#!/usr/bin/env zx
// Brings the lab up: five healthy nodes, from whatever state it is in.
import { commandLine } from './lab/command-line.ts'
import { prepareImages } from './lab/decide/images.ts'
import { setup } from './lab/decide/setup.ts'
import { readSettings } from './lab/settings.ts'
import { endpoints } from './lab/show/endpoints.ts'
import { statusTable } from './lab/show/status-view.ts'
import { labOf } from './lab/topology.ts'

await commandLine(import.meta.filename, (program) =>
  program
    .description(
      'Bring the lab up: images, network, two databases, two servers and the balancer. Safe to run again at any time.',
    )
    .option('--json', 'print what changed and the status as JSON')
    .option('--images-only', 'build the images that are missing, and start nothing')
    .action(async ({ json, imagesOnly }: { json?: boolean; imagesOnly?: boolean }) => {
      const lab = labOf(readSettings())
      if (imagesOnly) return prepareImages(lab)
      const result = await setup(lab)
      console.log(json ? JSON.stringify(result, null, 2) : `\n${statusTable(result.status)}\n\n${endpoints(lab)}`)
    }),
)
