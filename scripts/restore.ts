#!/usr/bin/env zx
// Restores a database as it was at a moment: beside the lab, or the lab itself.
import './lab/terminal/begin.ts'
import type { Goal } from './lab/rules/restore-plan.ts'

const { labHere } = await import('./lab/docker/here.ts')
const { besideView, replacedView, restoredView } = await import('./lab/terminal/backup-view.ts')
const { commandLine, numberFrom } = await import('./lab/terminal/command-line.ts')
const { reporter } = await import('./lab/terminal/steps.ts')
const { momentIn } = await import('./lab/rules/moment.ts')
const { replacePrimary } = await import('./lab/verbs/replace.ts')
const { besideOf, removeBeside, restoreBeside } = await import('./lab/verbs/restore.ts')
const { asJson } = await import('./lab/visible.ts')

type Options = {
  readonly to?: string
  readonly lsn?: string
  readonly name?: string
  readonly end?: boolean
  readonly timeline?: number
  readonly replace?: boolean
  readonly force?: boolean
  readonly json?: boolean
}

await commandLine(import.meta.filename, (program) => {
  program
    .description(
      'Restore a database as it was at a moment: db-restored, beside the lab, which goes on; or the lab itself. See docs/backups.md.',
    )
    .enablePositionalOptions()
    .option('--to <moment>', "a moment with its time zone, as in '2026-11-25 09:39:59+01'")
    .option('--lsn <lsn>', 'a position in the WAL, as in 0/5000120')
    .option('--name <mark>', 'a point that zx scripts/backup.ts mark named')
    .option('--end', 'all that can be replayed; with a segment missing, up to that one')
    .option('--timeline <number>', 'along this timeline (default: the newest)', numberFrom(1, 0x7fffffff))
    .option('--replace', 'make the lab itself as it was then: every vote since is lost, and listed before')
    .option('--force', 'with --replace: also if votes are lost; a db-restored that is there already is removed first')
    .option('--json', 'print JSON')
    .action(async ({ timeline, json, replace, force, ...options }: Options) => {
      const goals = goalsOf(options)
      const [goal] = goals
      if (goal === undefined || goals.length > 1)
        return program.error(
          `error: say where to go: ${goals.length > 1 ? 'only ' : ''}one of --to, --lsn, --name and --end`,
        )
      if (force && !replace) program.error('error: --force belongs to --replace')
      const lab = await labHere()
      if (replace) {
        const it = await replacePrimary(lab, goal(), timeline, force === true, reporter)
        console.log(json ? asJson(it, 2) : replacedView(it))
        return
      }
      const it = await restoreBeside(lab, goal(), timeline, false, reporter)
      console.log(json ? asJson(it, 2) : restoredView(it, lab.restored.container))
    })
  program
    .command('list')
    .description('show what is restored beside the lab')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const found = await besideOf(await labHere())
      console.log(json ? asJson(found ?? null, 2) : besideView(found))
    })
  program
    .command('remove')
    .description('remove db-restored and its data')
    .action(async () => {
      const removed = await removeBeside(await labHere(), reporter)
      console.log(removed ? 'db-restored is removed' : 'there was no db-restored')
    })

  function goalsOf({ to, lsn, name, end }: Options): readonly (() => Goal)[] {
    if (lsn !== undefined && !/^[0-9A-Fa-f]{1,8}\/[0-9A-Fa-f]{1,8}$/.test(lsn))
      program.error(`error: '${lsn}' is no LSN; one looks like 0/5000120`)
    return [
      ...(to === undefined ? [] : [() => ({ kind: 'time', at: momentIn(to) }) as const]),
      ...(lsn === undefined ? [] : [() => ({ kind: 'lsn', lsn }) as const]),
      ...(name === undefined ? [] : [() => ({ kind: 'name', name }) as const]),
      ...(end ? [() => ({ kind: 'end' }) as const] : []),
    ]
  }
})
