#!/usr/bin/env zx
import type { WatchEvent } from './lab/managers/manager.ts'
// Makes a standby the primary: check, fence, promote, confirm, serve. Once, or each time the primary dies.
import { watchReader } from './lab/terminal/begin.ts'

const { InvalidArgumentError } = await import('commander')
const { standbyNamed, takesStandby } = await import('./lab/terminal/chosen-standby.ts')
const { commandLine } = await import('./lab/terminal/command-line.ts')
const { asJson } = await import('./lab/visible.ts')

const count = (text: string): number => {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a number of bytes.')
  return Number(text)
}

type Options = {
  readonly maxLag?: number
  readonly to?: string
  readonly force?: boolean
  readonly keepReports?: boolean
  readonly salvage?: boolean
  readonly json?: boolean
  readonly watch?: boolean
}

await commandLine(import.meta.filename, (program) =>
  takesStandby(program, 'the standby to promote (default: the one that has most)')
    .description(
      'Make a standby the primary: check what would be lost, fence the old primary and prove it, promote, and prove that writes are taken.',
    )
    .option('-w, --watch', 'probe the primary until Ctrl-C, and fail over by itself when the primary is dead')
    .option('--max-lag <bytes>', 'refuse if more WAL than this would be lost (default: 1 MiB)', count)
    .option(
      '--salvage',
      'give the standby the WAL that it lacks from the disk of the fenced primary, so that nothing is lost',
    )
    .option('--force', 'promote however much is lost, and say what was lost')
    .option('--keep-reports', 'if replay waits for a report on that standby, refuse; without this, end the report')
    .option('--json', 'print JSON; with --watch, one object on each line')
    .action(
      (standby: string | undefined, { maxLag, to: option, force, keepReports, salvage, json, watch }: Options) => {
        const to = standbyNamed(program, standby, option)
        const options = {
          maxLag,
          to,
          force: force === true,
          keepReports: keepReports === true,
          salvage: salvage === true,
        }
        return watch ? watchOver(options, json === true) : once(options, json === true)
      },
    ),
)

type Wishes = {
  readonly maxLag: number | undefined
  readonly to: string | undefined
  readonly force: boolean
  readonly keepReports: boolean
  readonly salvage: boolean
}

// Modules are loaded only when they are needed, from the compile cache: a failover takes tenths of a second. Meanwhile the engine
// is asked how many standbys there are.
async function theLab() {
  return (await import('./lab/docker/here.ts')).labHere()
}

async function once(wishes: Wishes, json: boolean): Promise<void> {
  const [lab, { managerOf }, { reporter }] = await Promise.all([
    theLab(),
    import('./lab/managers/manager-of.ts'),
    import('./lab/terminal/steps.ts'),
  ])
  const it = await managerOf(lab).failover(lab, wishes, reporter)
  const { failoverView } = await import('./lab/terminal/failover-view.ts')
  console.log(json ? asJson(it, 2) : failoverView(it))
}

async function watchOver(wishes: Wishes, json: boolean): Promise<void> {
  const [lab, { managerOf }, { reporter }, { watchView }] = await Promise.all([
    theLab(),
    import('./lab/managers/manager-of.ts'),
    import('./lab/terminal/steps.ts'),
    import('./lab/terminal/watch-view.ts'),
  ])
  watchReader()
  const show = (event: WatchEvent) => console.log(json ? asJson(event) : watchView(event))
  await managerOf(lab).watch(lab, wishes, show, reporter)
}
