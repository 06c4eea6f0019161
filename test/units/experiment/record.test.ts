import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { plansOf } from '../../../scripts/lab/experiment/experiment.ts'
import { notJudged } from '../../../scripts/lab/experiment/judge/recorded.ts'
import { managedAs, StoredVote } from '../../../scripts/lab/experiment/record.ts'
import { openLines, readLines } from '../../../scripts/lab/lines.ts'

const common = { node: 'db-primary', voters: 8, readers: 2, before: 1, after: 1, lag: 0 } as const

test('lines are read back as they were written; one that is cut off or no record is an error that names it', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'lines-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const file = join(folder, 'x.jsonl')
  const votes = Array.from({ length: 1000 }, (_, nth) => ({ poll: 'p', user: `u"${nth}\n`, option: 'a' }))
  const lines = openLines(file)
  for (const vote of votes) lines.append(vote)
  await lines.close()
  t.strictSame(await readLines(file, StoredVote), votes)
  await appendFile(file, '{"poll":"p"')
  await t.rejects(readLines(file, StoredVote), { code: 'RECORD_BROKEN', message: /its last line has no end/ })
  await writeFile(file, '{"poll":"p","user":"u","option":"a"}\n{"poll":"p","user":1,"option":"a"}\n')
  await t.rejects(readLines(file, StoredVote), { code: 'RECORD_BROKEN', message: /line 2: user/ })
  await writeFile(file, 'no\n')
  await t.rejects(readLines(file, StoredVote), { code: 'RECORD_BROKEN', message: /line 1 is no JSON/ })
  await writeFile(file, '')
  t.strictSame(await readLines(file, StoredVote), [])
})

test('a matrix has every combination as often as asked, round after round', async (t) => {
  const matrix = {
    managers: ['scripted'],
    leases: [],
    faults: ['crash', 'stop'],
    levels: ['async', 'on'],
    recoveries: ['failover'],
    runs: 2,
  } as const
  const round = ['crash async', 'crash on', 'stop async', 'stop on']
  t.strictSame(
    plansOf(matrix, common).map(({ fault, level }) => `${fault} ${level}`),
    [...round, ...round],
  )
})

test('the manager changes once, and Patroni recovers by itself', async (t) => {
  const matrix = {
    managers: ['scripted', 'patroni'],
    leases: [],
    faults: ['crash'],
    levels: ['on'],
    recoveries: ['failover', 'salvage', 'none'],
    runs: 2,
  } as const
  const scripted = ['scripted failover', 'scripted salvage', 'scripted none']
  const patroni = ['patroni watch', 'patroni none']
  t.strictSame(
    plansOf(matrix, common).map(({ manager, recovery }) => `${manager} ${recovery}`),
    [...scripted, ...scripted, ...patroni, ...patroni],
  )
})

test('each lease is compared under Patroni; the scripted manager has none', async (t) => {
  const matrix = {
    managers: ['scripted', 'patroni'],
    leases: [
      { ttl: 30, loop_wait: 10, retry_timeout: 10 },
      { ttl: 20, loop_wait: 1, retry_timeout: 3 },
    ],
    faults: ['crash', 'freeze'],
    levels: ['on'],
    recoveries: ['watch'],
    runs: 2,
  } as const
  const round = ['30/10/10 crash', '30/10/10 freeze', '20/1/3 crash', '20/1/3 freeze'].map((it) => `patroni ${it}`)
  t.strictSame(
    plansOf(matrix, common).map((plan) => `${managedAs(plan)} ${plan.fault}`),
    ['scripted crash', 'scripted freeze', 'scripted crash', 'scripted freeze', ...round, ...round],
  )
})

test('a run that left nothing behind is unknown', async (t) => {
  const plan = { ...common, manager: 'scripted', fault: 'crash', level: 'on', recovery: 'failover' } as const
  t.match(notJudged(plan, 'not run: why'), { verdict: 'unknown', reasons: ['not run: why'], rto: null, lost: [] })
})
