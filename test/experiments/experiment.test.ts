import { mkdtemp, readdir, readFile, realpath, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, t, test } from 'tap'
import { Call, Experiment, Found, Run, StoredVote } from '../../scripts/lab/experiment/record.ts'
import { readLines } from '../../scripts/lab/lines.ts'
import { failureOf, startVerb, verb } from '../the-lab.ts'

const output = await mkdtemp(join(tmpdir(), 'experiments-'))
const BRIEF = ['--output', output, '--before', '1', '--after', '1', '--voters', '4', '--readers', '1']

/** Carries out an experiment of one run, which has to end with that exit code; gives what it left behind. */
async function oneRun(t: Test, exit: number, ...args: readonly string[]) {
  const ran = await verb('experiment', [...args, ...BRIEF, '--json'])
  t.equal(ran.exit, exit, ran.exit === exit ? `exit code ${exit}` : `${ran.stdout}${ran.stderr}`)
  const { folder } = JSON.parse(ran.stdout) as { folder: string }
  const text = await readFile(join(folder, 'experiment.json'), 'utf8')
  const [run] = Experiment.parse(JSON.parse(text)).runs
  if (run === undefined) throw new Error('no run')
  const own = join(folder, run.name)
  const calls = await readLines(join(own, 'history.jsonl'), Call)
  const stored = await readLines(join(own, 'stored.jsonl'), StoredVote)
  t.comment(JSON.stringify({ ...run.judgement, length: run.length, lost: run.judgement.lost.length }))
  return { folder, own, run, calls, stored, judgement: run.judgement }
}

test('after a crash at `on` and a failover: a pass that rests on evidence, and a folder with all of it', async (t) => {
  const { folder, own, run, calls, stored, judgement } = await oneRun(t, 0, '--fault', 'crash', '--level', 'on')
  t.match(judgement, { verdict: 'pass', lost: [], duplicates: [], phantoms: [], staleReads: [] })
  t.ok(judgement.acknowledged > 20 && judgement.stored >= judgement.acknowledged)
  t.ok(judgement.reads.ok > 0)
  t.strictSame(
    judgement.parts.map(({ name }) => name),
    ['detection', 'check', 'fencing', 'promotion', 'reconnection'],
  )
  const sum = judgement.parts.reduce((total, { ms }) => total + ms, 0)
  t.ok(Math.abs(sum - (judgement.rto ?? 0)) < 0.1, `${sum} ms of ${judgement.rto}`)
  t.equal(calls.filter(({ outcome, kind }) => kind === 'vote' && outcome === 'ok').length, judgement.acknowledged)
  t.equal(stored.length, judgement.stored)
  t.ok(
    run.samples.some(({ databases }) => databases.some(({ role, timeline }) => role === 'primary' && timeline === 2)),
    'samples show the new primary',
  )

  t.strictSame((await readdir(own)).sort(), ['found.json', 'history.jsonl', 'logs', 'result.json', 'stored.jsonl'])
  t.strictSame(
    (await readdir(join(own, 'logs'))).sort(),
    ['backup', 'db-primary', 'db-replica', 'loader', 'primary'].map((name) => `${name}.log`),
  )
  t.match(await readFile(join(own, 'logs/db-replica.log'), 'utf8'), /selected new timeline ID: 2/)
  t.strictSame(Run.parse(JSON.parse(await readFile(join(own, 'result.json'), 'utf8'))), run)
  Found.parse(JSON.parse(await readFile(join(own, 'found.json'), 'utf8')))
  t.match(await readFile(join(folder, 'report.html'), 'utf8'), new RegExp(judgement.acknowledged.toLocaleString('en')))
  t.equal(await realpath(join(output, 'latest')), await realpath(folder))
  t.match((await verb('status')).stdout, /5 of 5 nodes healthy; writes go to db-primary/, 'the lab is as new again')

  const again = await verb('experiment', ['judge', folder, '--json'])
  t.equal(again.exit, 0, failureOf(again))
  t.strictSame(JSON.parse(again.stdout).runs[0].judgement, judgement, 'judged again it is the same')
  await truncate(join(own, 'history.jsonl'), 10_000)
  const cut = await verb('experiment', ['judge', folder])
  t.equal(cut.exit, 2)
  t.match(cut.stdout, /history\.jsonl is not what an experiment writes: its last line has no end/)
})

test('at `async` a standby that lags loses acknowledged votes, and they are named, even if a watch recovers', async (t) => {
  const lagging = ['--fault', 'crash', '--level', 'async', '--lag', '--recovery', 'watch']
  const { folder, run, calls, stored, judgement } = await oneRun(t, 1, ...lagging)
  t.equal(judgement.verdict, 'fail')
  t.ok(judgement.lost.length > 10, `${judgement.lost.length} votes`)
  t.ok((judgement.walLost ?? 0) > 100_000, `${judgement.walLost} bytes of WAL`)
  const kept = new Set(stored.map(({ user }) => user))
  const told = new Set(calls.filter(({ outcome }) => outcome === 'ok').map(({ user }) => user))
  t.ok(
    judgement.lost.every(({ user }) => told.has(user) && !kept.has(user)),
    'each was acknowledged and is not stored',
  )
  t.equal(told.size - 1 - judgement.lost.length, [...told].filter((user) => user !== null && kept.has(user)).length)
  const report = await readFile(join(folder, 'report.html'), 'utf8')
  for (const { user } of judgement.lost.slice(0, 10)) t.ok(report.includes(user), `${user} is named in the report`)
  t.match(judgement, { duplicates: [], phantoms: [], staleReads: [] })
  t.match(run.events[2], { kind: 'detected', what: 'failover --watch noticed it' })
  t.match(run.events[0], { kind: 'fault', what: /db-replica lacks \d{6,} bytes/ })
})

test('without a recovery the verdict is unknown, and an interrupted run is never a pass', async (t) => {
  const { judgement } = await oneRun(t, 2, '--fault', 'crash', '--recovery', 'none')
  t.match(judgement, { verdict: 'unknown', rto: null, parts: [], lost: [] })
  t.ok(judgement.reasons.includes('no write was acknowledged after the fault'), judgement.reasons.join('; '))
  t.ok(judgement.stored > 0, 'healed and read, it has all that it acknowledged')

  const { child, ended } = startVerb('experiment', [
    '--fault',
    'freeze',
    '--runs',
    '2',
    '--after',
    '30',
    '--output',
    output,
  ])
  let interrupted = false
  child.stderr.on('data', (chunk) => {
    if (interrupted || !String(chunk).includes('Fence db-primary')) return
    interrupted = true
    child.kill('SIGINT')
  })
  const cut = await ended
  t.equal(cut.exit, 130, cut.exit === 130 ? 'it is interrupted' : failureOf(cut))
  const text = await readFile(join(output, 'latest/experiment.json'), 'utf8')
  const { verdict, runs } = Experiment.parse(JSON.parse(text))
  t.equal(verdict, 'unknown')
  t.strictSame(
    runs.map(({ judgement }) => judgement.reasons),
    [['not run: interrupted'], ['not run: interrupted']],
  )
  t.match((await verb('status')).stdout, /5 of 5 nodes healthy; writes go to db-primary/)
})

test('a word that is not a fault, a level or a number is refused before anything happens', async (t) => {
  for (const args of [
    ['--fault', 'crash,nothing'],
    ['--level', 'off'],
    ['--runs', '0'],
    ['--node', 'db'],
  ]) {
    const { exit, stderr } = await verb('experiment', args)
    t.equal(exit, 2, args.join(' '))
    t.match(stderr, /It must be/)
  }
})

t.teardown(() => rm(output, { recursive: true }))

test('salvage loses nothing that a standby lacks; a restore loses what was not archived, and its judge says so', async (t) => {
  const salvaged = await oneRun(t, 0, '--fault', 'crash', '--recovery', 'salvage', '--lag', '20000')
  t.match(salvaged.judgement, { verdict: 'pass', lost: [], duplicates: [], phantoms: [] })
  const restored = await oneRun(t, 1, '--fault', 'crash', '--recovery', 'restore')
  const { verdict, lost, rto, acknowledged, duplicates, phantoms, staleReads } = restored.judgement
  t.match(
    { verdict, duplicates, phantoms, staleReads },
    { verdict: 'fail', duplicates: [], phantoms: [], staleReads: [] },
  )
  t.ok(lost.length > 0 && lost.length < acknowledged, `${lost.length} of ${acknowledged} lost`)
  t.ok((rto ?? 0) > 0, `back after ${rto} ms`)
  t.match((await verb('status')).stdout, /5 of 5 nodes healthy/)
})
