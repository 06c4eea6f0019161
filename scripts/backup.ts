#!/usr/bin/env zx
// Makes backups of the primary, shows and checks them, and names points to which a restore can go.
import './lab/terminal/begin.ts'
import type { BackupType } from './lab/verbs/backup.ts'

const { Option } = await import('commander')
const { labHere } = await import('./lab/docker/here.ts')
const { backupsView, backupView, checkedView } = await import('./lab/terminal/backup-view.ts')
const { commandLine } = await import('./lab/terminal/command-line.ts')
const { reporter } = await import('./lab/terminal/steps.ts')
const { momentText } = await import('./lab/rules/moment.ts')
const { backupsOf, makeBackup, mark, switchOff } = await import('./lab/verbs/backup.ts')
const { checkBackups } = await import('./lab/verbs/check-backups.ts')
const { asJson } = await import('./lab/visible.ts')

type Options = { readonly type: BackupType; readonly json?: boolean }

await commandLine(import.meta.filename, (program) => {
  program
    .description(
      'Make a backup of the primary with pgBackRest. The first one also switches archiving on. See docs/backups.md.',
    )
    .enablePositionalOptions()
    .addOption(
      new Option(
        '--type <type>',
        'full: all data; diff: what changed since the last full one; incr: since the last one',
      )
        .choices(['full', 'diff', 'incr'])
        .default('full'),
    )
    .option('--json', 'print JSON')
    .action(async ({ type, json }: Options) => {
      const made = await makeBackup(await labHere(), type, reporter)
      console.log(json ? asJson(made, 2) : backupView(made))
    })
  program
    .command('list')
    .description('show the backups and what can be restored from them')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const found = await backupsOf(await labHere())
      console.log(json ? asJson(found, 2) : backupsView(found))
    })
  program
    .command('check')
    .description('does WAL arrive, is any missing, is every file whole? Exit code 1 if not')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const checked = await checkBackups(await labHere(), reporter)
      console.log(json ? asJson(checked, 2) : checkedView(checked))
      if (checked.problems.length > 0) process.exitCode = 1
    })
  program
    .command('mark <name>')
    .description('give this moment a name, before something risky, so that a restore can go back to it')
    .option('--json', 'print JSON')
    .action(async (name: string, { json }: { json?: boolean }) => {
      const made = await mark(await labHere(), name, reporter)
      console.log(json ? asJson(made, 2) : `marked as ${made.name}: ${momentText(made.at * 1000)}, LSN ${made.lsn}`)
    })
  program
    .command('off')
    .description('stop archiving; the backups stay, but WAL that waits or is written from now on cannot be restored')
    .option('--discard', 'delete all backups too')
    .action(async ({ discard }: { discard?: boolean }) => {
      await switchOff(await labHere(), discard === true, reporter)
      console.log(discard ? 'archiving is off, and no backup is left' : 'archiving is off; backups that there are stay')
    })
})
