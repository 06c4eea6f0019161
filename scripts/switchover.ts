#!/usr/bin/env zx
// Makes a standby the primary without losing a vote.
import './lab/terminal/begin.ts'

const { chalk } = await import('zx/core')
const { labHere } = await import('./lab/docker/here.ts')
const { standbyNamed, takesStandby } = await import('./lab/terminal/chosen-standby.ts')
const { commandLine } = await import('./lab/terminal/command-line.ts')
const { reporter } = await import('./lab/terminal/steps.ts')
const { choiceText } = await import('./lab/rules/durability.ts')
const { managerOf } = await import('./lab/managers/manager-of.ts')
const { asJson } = await import('./lab/visible.ts')

type Options = { readonly to?: string; readonly endReports?: boolean; readonly json?: boolean }

await commandLine(import.meta.filename, (program) =>
  takesStandby(program, 'the standby that becomes the primary (default: the one that has most)')
    .description('Make a standby the primary, and the primary a standby, without losing a vote, while clients go on.')
    .option('--end-reports', 'if replay waits for a report on the standby, end the report; without this, refuse')
    .option('--json', 'print JSON')
    .action(async (standby: string | undefined, { to: option, endReports, json }: Options) => {
      const to = standbyNamed(program, standby, option)
      const lab = await labHere()
      const it = await managerOf(lab).switchover(lab, { to, endReports: endReports === true }, reporter)
      const said = [
        `${chalk.green('✓')} ${it.primary} is now the primary, on timeline ${it.timeline}; ${it.standby} streams from it`,
        `  ${it.withoutPrimary.toFixed(2)} s from the order to stop to the first acknowledged write; durability ${choiceText(it)}`,
      ]
      console.log(json ? asJson(it, 2) : said.join('\n'))
    }),
)
