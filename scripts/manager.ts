#!/usr/bin/env zx
// Shows and changes the manager that decides which database is the primary, if it is Patroni.
import './lab/terminal/begin.ts'
import type { PatroniView } from './lab/managers/patroni/view.ts'

const { labHere } = await import('./lab/docker/here.ts')
const { controlOf } = await import('./lab/managers/manager-of.ts')
const { PATRONI_SETTINGS } = await import('./lab/rules/patroni-settings.ts')
const { commandLine } = await import('./lab/terminal/command-line.ts')
const { historyView, managerView } = await import('./lab/terminal/manager-view.ts')
const { reporter } = await import('./lab/terminal/steps.ts')
const { asJson } = await import('./lab/visible.ts')

type Json = { readonly json?: boolean }

await commandLine(import.meta.filename, (program) => {
  program.description(
    'Show and change Patroni, in a lab that was set up with LAB_MANAGER=patroni. See docs/managers.md.',
  )
  const show = (view: PatroniView, { json }: Json, shown = managerView(view)) =>
    console.log(json ? asJson(view, 2) : shown)
  program
    .command('show')
    .description('show who has the lease, what each member is, and the settings')
    .option('--json', 'print JSON')
    .action(async (options: Json) => {
      const lab = await labHere()
      show(await controlOf(lab).show(lab), options)
    })
  program
    .command('history')
    .description('show who was promoted when')
    .option('--json', 'print JSON')
    .action(async (options: Json) => {
      const lab = await labHere()
      const view = await controlOf(lab).show(lab)
      show(view, options, historyView(view))
    })
  program
    .command('pause')
    .description('promote nobody, whatever dies, until a resume')
    .option('--json', 'print JSON')
    .action(async (options: Json) => {
      const lab = await labHere()
      show(await controlOf(lab).pause(lab, reporter), options)
    })
  program
    .command('resume')
    .description('end a pause')
    .option('--json', 'print JSON')
    .action(async (options: Json) => {
      const lab = await labHere()
      show(await controlOf(lab).resume(lab, reporter), options)
    })
  program
    .command('set')
    .description(`change settings, as in ttl=30: ${PATRONI_SETTINGS.join(', ')}`)
    .argument('<settings...>', 'KEY=VALUE')
    .option('--json', 'print JSON')
    .action(async (settings: string[], options: Json) => {
      const lab = await labHere()
      show(await controlOf(lab).set(lab, settings, reporter), options)
    })
})
