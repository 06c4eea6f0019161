import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { failuresOf } from '../../failures.ts'

const ROOT = join(import.meta.dirname, '../../..')

/** Runs the suite's own command, as `npm test -- …` does. */
function run(t: Test, ...args: readonly string[]) {
  // As from a shell: tap tells the runs within a run by its own variables.
  const environment = Object.entries(process.env).filter(([name]) => !name.startsWith('TAP'))
  const ran = spawnSync(process.execPath, ['test/run.ts', ...args], {
    cwd: ROOT,
    env: Object.fromEntries(environment),
    encoding: 'utf8',
  })
  t.comment(`${ran.stdout}${ran.stderr}`)
  return ran
}

test('a run of tests by name runs those and no others', (t) => {
  const ran = run(t, 'units/lab/wait', '--grep', '/what it WAITED for/i')
  t.equal(ran.status, 0)
  t.match(ran.stdout, /^1 passed, 0 failed$/m)
  t.end()
})

test('a run in which no test has the name fails and says so', (t) => {
  const ran = run(t, 'units/lab/wait', '--grep', 'no test is called this')
  t.equal(ran.status, 1)
  t.match(ran.stderr, 'no test of these files is named no test is called this')
  t.end()
})

test('an option or a file that does not exist is named, and nothing runs', (t) => {
  const option = run(t, '--kepp')
  t.equal(option.status, 2)
  t.match(option.stderr, "Unknown option '--kepp'")
  const file = run(t, 'unitz')
  t.equal(file.status, 2)
  t.match(file.stderr, 'no tests below test/ match unitz')
  t.end()
})

test('what failed is shown again with its comments and what was seen, without its source', (t) => {
  const report = [
    '# Subtest: test/a.test.ts',
    '    # Subtest: one passes',
    '        not ok 1 - expected to fail # TODO',
    '    ok 1 - one passes # time=1ms',
    '    # Subtest: two fails',
    '        # seed 7',
    '        ok 1 - should be equal',
    '        not ok 2 - votes',
    '          ---',
    '          diff: |',
    '            -1',
    '            +2',
    '          source: >',
    "            t.equal(votes, '1')",
    '          ',
    '            ----^',
    '          ...',
    '        ',
    '        1..2',
    '    not ok 2 - two fails # time=2ms',
    'not ok 1 - test/a.test.ts # time=3ms',
  ]
  const seen = ['✗ two fails # time=2ms', ...report.slice(5, 6), ...report.slice(7, 12), report[16]]
  t.strictSame(failuresOf(report.join('\n')), [seen.join('\n')])
  t.end()
})
