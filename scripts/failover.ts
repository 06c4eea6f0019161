#!/usr/bin/env zx
// Makes the standby the primary: check, fence, promote, confirm, serve.
import { InvalidArgumentError } from 'commander'
import { commandLine } from './lab/command-line.ts'

const count = (text: string): number => {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a number of bytes.')
  return Number(text)
}

await commandLine(import.meta.filename, (program) =>
  program
    .description(
      'Make the standby the primary: check what that loses, fence the old primary and prove it, promote, and prove that writes are taken.',
    )
    .option('--max-lag <bytes>', 'refuse where more WAL than this would be lost (default: 1 MiB)', count)
    .option('--force', 'promote whatever is lost, and say what that is')
    .option('--json', 'print JSON')
    .action(async ({ maxLag, force, json }: { maxLag?: number; force?: boolean; json?: boolean }) => {
      // Loaded only now, these come out of the compile cache: a failover is a matter of tenths of a second.
      const [{ failover }, { readSettings }, { failoverView }, { labOf }] = await Promise.all([
        import('./lab/decide/failover.ts'),
        import('./lab/settings.ts'),
        import('./lab/show/failover-view.ts'),
        import('./lab/topology.ts'),
      ])
      const it = await failover(labOf(readSettings()), { maxLag, force: force === true })
      console.log(json ? JSON.stringify(it, null, 2) : failoverView(it))
    }),
)
