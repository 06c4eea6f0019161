#!/usr/bin/env zx
// Shows and changes what a commit waits for, and whom a standby follows, while the lab runs.
import './lab/terminal/begin.ts'
import type { Rule } from './lab/rules/durability.ts'

const { Argument } = await import('commander')
const { labHere } = await import('./lab/docker/here.ts')
const { commandLine, numberFrom } = await import('./lab/terminal/command-line.ts')
const { reporter } = await import('./lab/terminal/steps.ts')
const { isLevel, LEVELS } = await import('./lab/rules/durability.ts')
const { follow } = await import('./lab/verbs/follow.ts')
const { replicationOf, setLevel } = await import('./lab/verbs/replication.ts')
const { followingView, replicationView } = await import('./lab/terminal/replication-view.ts')
const { asJson } = await import('./lab/visible.ts')

type Options = {
  readonly json?: boolean
  readonly force?: boolean
  readonly quorum?: number
  readonly first?: string
}

await commandLine(import.meta.filename, (program) => {
  program
    .description('Show the durability level and what each level survives, or set another while the lab runs.')
    // Options of the level are not those of a command.
    .enablePositionalOptions()
    .addArgument(new Argument('[level]', 'the level to set').choices(Object.keys(LEVELS)))
    .option('--quorum <number>', 'a commit waits for any so many standbys, whichever are the fastest', numberFrom(1, 3))
    .option('--first <standby>', 'a commit waits for this standby; if it is not there, for the next one')
    .option('--json', 'print JSON')
    .option('--force', 'set a level that waits for more standbys than stream: every commit will hang')
    .action(async (level: string | undefined, { json, force, quorum, first }: Options) => {
      const lab = await labHere()
      if ((quorum ?? first) !== undefined && (!isLevel(level) || level === 'async'))
        program.error("error: --quorum and --first need a level that waits for standbys, such as 'on'")
      if (quorum !== undefined && first !== undefined) program.error('error: --quorum and --first exclude each other')
      const rule: Rule = quorum === undefined ? { kind: 'first', node: first ?? null } : { kind: 'any', count: quorum }
      const it = isLevel(level)
        ? await setLevel(lab, { level, rule }, force === true, reporter)
        : await replicationOf(lab)
      console.log(json ? asJson(it, 2) : replicationView(it))
    })
  program
    .command('follow <standby> <upstream>')
    .description('make a standby follow another standby, or the primary again, while the lab runs')
    .option('--json', 'print JSON')
    .action(async (standby: string, upstream: string, { json }: Options) => {
      const it = await follow(await labHere(), standby, upstream, reporter)
      console.log(json ? asJson(it, 2) : followingView(it))
    })
})
