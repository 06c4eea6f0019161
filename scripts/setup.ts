#!/usr/bin/env zx
// Brings all nodes of the lab up and healthy, from any state.
import './lab/terminal/begin.ts'

const { whyPsqlAsks } = await import('./lab/state/pgpass.ts')
const { commandLine } = await import('./lab/terminal/command-line.ts')
const { reporter } = await import('./lab/terminal/steps.ts')
const { prepareImages } = await import('./lab/verbs/images.ts')
const { setup } = await import('./lab/verbs/setup.ts')
const { readSettings } = await import('./lab/settings.ts')
const { endpoints } = await import('./lab/terminal/endpoints.ts')
const { statusTable } = await import('./lab/terminal/status-view.ts')
const { columnsOf } = await import('./lab/terminal/abilities.ts')
const { labOf, psqlPlaceOf } = await import('./lab/topology/topology.ts')
const { asJson } = await import('./lab/visible.ts')

await commandLine(import.meta.filename, (program) =>
  program
    .description(
      'Bring the lab up: images, network, databases, servers and the balancer. LAB_STANDBYS=2 or 3 gives it more standbys. Safe to run again at any time.',
    )
    .option('--json', 'print what changed and the status as JSON')
    .option('--images-only', 'only build the images that are missing; start nothing')
    .action(async ({ json, imagesOnly }: { json?: boolean; imagesOnly?: boolean }) => {
      const lab = labOf(readSettings())
      if (imagesOnly) return prepareImages(lab, reporter)
      const result = await setup(lab, reporter)
      const asks = await whyPsqlAsks(psqlPlaceOf(lab))
      console.log(
        json
          ? asJson(result, 2)
          : `\n${statusTable(result.status, columnsOf(process.stdout))}\n\n${endpoints(lab, result.status.primaries[0], asks)}`,
      )
    }),
)
