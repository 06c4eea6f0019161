import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { test } from 'tap'
import { typed } from '../../../scripts/lab/docker/command.ts'
import { buildFailed, failingStep } from '../../../scripts/lab/docker/images.ts'
import { environment } from '../../../scripts/lab/docker/shell.ts'
import { bytesOf } from '../../../scripts/lab/lsn.ts'
import { bytes } from '../../../scripts/lab/numbers.ts'

test('a told command can be typed in a shell and means the same', async (t) => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0')),
      (argument) => {
        const said = spawnSync('bash', ['-c', `printf %s ${typed(argument)}`], {
          encoding: 'utf8',
          env: environment(),
        })
        return said.stdout === argument
      },
    ),
    { numRuns: 50 },
  )
  t.pass()
})

test('LSNs are compared by the bytes that they count', async (t) => {
  t.equal(bytesOf('0/0'), 0n)
  t.equal(bytesOf('0/3000148'), 0x3000148n)
  t.equal(bytesOf('1/0') - bytesOf('0/FFFFFFFF'), 1n)
})

test('after a failed build the failing step is shown, with both builders', async (t) => {
  const legacy = [
    'Sending build context',
    'Step 1/3 : FROM x',
    ' ---> 12',
    'Step 2/3 : RUN false',
    ' ---> Running in 34',
    "The command '/bin/sh -c false' returned a non-zero code: 1",
  ]
  t.equal(failingStep(legacy.join('\n')), legacy.slice(3).join('\n'))
  const buildkit = [
    '#1 [internal] load',
    '#4 [1/2] FROM x',
    '#5 [2/2] RUN false',
    '#5 0.1 oh no',
    '#5 ERROR: process did not complete',
  ]
  t.equal(failingStep(buildkit.join('\n')), buildkit.slice(2).join('\n'))
})

test('if a failing step has much output, its beginning and end are shown', async (t) => {
  const lines = ['Step 1/1 : RUN make', ...Array.from({ length: 500 }, (_, line) => `line ${line}`)]
  const shown = failingStep(lines.join('\n')).split('\n')
  t.equal(shown.length, 40)
  t.equal(shown[0], 'Step 1/1 : RUN make')
  t.equal(shown.at(-1), 'line 499')
})

test('bytes are shown in the largest unit that fits', async (t) => {
  t.strictSame([0, 1023, 1024, 1536, 5 * 2 ** 20, 3 * 2 ** 30].map(bytes), [
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.5 KiB',
    '5.0 MiB',
    '3.0 GiB',
  ])
})

test('the fix of a failed build fits its output', async (t) => {
  const cases: [string, RegExp][] = [
    ["E: Failed to fetch http://deb.debian.org/x  Temporary failure resolving 'deb.debian.org'", /package archive/],
    ['E: Unable to locate package nginx', /package archive/],
    ['write /x: no space left on device', /free some space/],
    ['tar: node_modules/pg: Cannot stat: No such file or directory', /npm ci/],
    ['tar: server/main.ts: Cannot open: Permission denied', /npm ci/],
    ['COPY failed: file not found in build context', /npm ci/],
    ['Step 1/4 : FROM $BASE\nGet "https://registry.example/v2/": dial tcp: no such host', /built on is missing/],
    ['nginx: [emerg] unknown directive "foo"', /repair the step that failed/],
    [
      "bash: /usr/local/bin/start: Permission denied\nThe command '/bin/sh -c x' returned a non-zero code: 126",
      /repair the step that failed/,
    ],
  ]
  for (const [output, fix] of cases) t.match(buildFailed('image:1', output), { code: 'BUILD_FAILED', fix }, output)
})
