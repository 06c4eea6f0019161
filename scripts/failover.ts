#!/usr/bin/env zx
// Makes the standby the primary: check, fence, promote, confirm, serve.
import { InvalidArgumentError } from 'commander'
import { commandLine } from './lab/command-line.ts'
import { failover } from './lab/decide/failover.ts'
import { DEFAULT_MAX_LAG } from './lab/decide/failover-plan.ts'
import { readSettings } from './lab/settings.ts'
import { failoverView } from './lab/show/failover-view.ts'
import { labOf } from './lab/topology.ts'

const count = (text: string): number => {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a number of bytes.')
  return Number(text)
}

await commandLine(import.meta.filename, (program) =>
  program
    .description(
      'Make the standby the primary: check what that loses, fence the old primary and prove it, promote, and prove that writes are taken.',
    )
    .option('--max-lag <bytes>', 'refuse where more WAL than this would be lost', count, DEFAULT_MAX_LAG)
    .option('--force', 'promote whatever is lost, and say what that is')
    .option('--json', 'print JSON')
    .action(async ({ maxLag, force, json }: { maxLag: number; force?: boolean; json?: boolean }) => {
      const it = await failover(labOf(readSettings()), { maxLag, force: force === true })
      console.log(json ? JSON.stringify(it, null, 2) : failoverView(it))
    }),
)
