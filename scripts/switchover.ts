#!/usr/bin/env zx
// Swaps primary and standby, and loses nothing.
import { chalk } from 'zx/core'
import { commandLine } from './lab/command-line.ts'
import { switchover } from './lab/decide/switchover.ts'
import { readSettings } from './lab/settings.ts'
import { labOf } from './lab/topology.ts'

await commandLine(import.meta.filename, (program) =>
  program
    .description('Swap the roles of primary and standby in order, without losing a vote, while clients go on.')
    .option('--end-reports', 'end a report on the standby that replay waits for; else it is refused while there is one')
    .option('--json', 'print JSON')
    .action(async ({ endReports, json }: { endReports?: boolean; json?: boolean }) => {
      const it = await switchover(labOf(readSettings()), { endReports: endReports === true })
      const said = [
        `${chalk.green('✓')} ${it.primary} is now the primary, on timeline ${it.timeline}; ${it.standby} streams from it`,
        `  ${it.withoutPrimary.toFixed(2)} s from the order to stop to the first acknowledged write; durability ${it.level}`,
      ]
      console.log(json ? JSON.stringify(it, null, 2) : said.join('\n'))
    }),
)
