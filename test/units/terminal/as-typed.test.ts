import { test } from 'tap'
import { asTyped } from '../../../scripts/lab/terminal/as-typed.ts'

test('who typed npm is told what to type with npm, options after two dashes', async (t) => {
  const npm = { npm_lifecycle_script: 'zx scripts/status.ts' }
  for (const [zx, typed] of [
    ['zx scripts/setup.ts brings it up', 'npm run -s setup brings it up'],
    [
      'accept it: zx scripts/failover.ts --max-lag 5, or --force',
      'accept it: npm run -s failover -- --max-lag 5, or --force',
    ],
    ['zx scripts/replication.ts on --force', 'npm run -s replication on -- --force'],
    ['zx scripts/exercise.ts start 2', 'npm run -s exercise start 2'],
    ['zx scripts/poll.ts results, with --at', 'npm run -s poll results, with --at'],
    [
      'run zx scripts/setup.ts; zx scripts/status.ts --json says more',
      'run npm run -s setup; npm run -s status -- --json says more',
    ],
  ] as const) {
    t.equal(asTyped(zx, npm), typed)
    t.equal(asTyped(zx, {}), zx)
    t.equal(asTyped(zx, { npm_lifecycle_script: 'node test/run.ts' }), zx, 'another script of npm')
  }
})
