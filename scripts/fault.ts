#!/usr/bin/env zx
// Breaks the lab in ways that happen in production, and heals it.
import './lab/terminal/begin.ts'
import type { Wish } from './lab/faults/inject.ts'
import type { FaultOptions } from './lab/faults/kind.ts'

const { labHere } = await import('./lab/docker/here.ts')
const { commandLine } = await import('./lab/terminal/command-line.ts')
const { reporter } = await import('./lab/terminal/steps.ts')
const { injectFor } = await import('./lab/faults/for-a-time.ts')
const { choiceOf, heal } = await import('./lab/faults/heal.ts')
const { inject } = await import('./lab/faults/inject.ts')
const { KINDS } = await import('./lab/faults/kinds.ts')
const { listFaults } = await import('./lab/faults/views.ts')
const { commandOption, seconds } = await import('./lab/terminal/fault-options.ts')
const { interruption } = await import('./lab/interruption.ts')
const { faultLines } = await import('./lab/faults/kinds.ts')
const { faultTable } = await import('./lab/terminal/fault-view.ts')
const { asJson, visible } = await import('./lab/visible.ts')

await commandLine(import.meta.filename, (program) => {
  program.description('Inject a fault into a node, list the faults in force, heal them. See docs/faults.md.')
  for (const kind of KINDS) {
    const command = program
      .command(`${kind.name} <node>${kind.hasPeers ? ' [peers...]' : ''}`)
      .description(`${kind.does} (${kind.fits})`)
      .option('--for <seconds>', 'heal it after that time, or at Ctrl-C', seconds)
    for (const [name, option] of Object.entries(kind.options)) command.addOption(commandOption(name, option))
    command.action(async (node: string, ...rest: unknown[]) => {
      const peers = kind.hasPeers ? (rest[0] as string[]) : []
      const { for: time, ...options } = command.opts<FaultOptions & { for?: number }>()
      const wish: Wish = { kind, node, peers, options }
      const lab = await labHere()
      if (time === undefined) {
        await inject(lab, wish, reporter)
        console.log('in force until: zx scripts/fault.ts heal')
      } else {
        const held = () => console.log(`in force for ${time} s, or until Ctrl-C`)
        if (await injectFor(lab, wish, time, held, reporter)) process.exitCode = interruption.exit
        console.log('healed')
      }
    })
  }
  program
    .command('list')
    .description('show every fault in force, as it is seen in the real system')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const list = await listFaults(await labHere())
      console.log(json ? asJson(list, 2) : faultTable(list))
    })
  program
    .command('heal [what...]')
    .description('heal all faults, or those of a kind, of a node, or of a kind on a node; safe to run again')
    .action(async (what: string[]) => {
      const lab = await labHere()
      const { healed, unseen } = await heal(lab, choiceOf(lab, what), reporter)
      console.log(
        healed.length === 0
          ? 'nothing to heal'
          : faultLines(healed)
              .map((line) => `healed: ${line}`)
              .join('\n'),
      )
      for (const why of unseen) console.log(`could not look into the database of ${visible(why)}`)
    })
})
