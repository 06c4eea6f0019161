// Random histories with backups, and a restore to a random moment of each; the same each time. HISTORIES_SEED=… for others,
// HISTORIES_RUNS=30 for more.
import fc from 'fast-check'
import tap, { test } from 'tap'
import { momentText } from '../../scripts/lab/rules/moment.ts'
import { until } from '../../scripts/lab/wait.ts'
import { client } from '../grpc.ts'
import { json } from '../recovery/scene.ts'
import { addressOf, docker, lab, patience, resetAfter, verb } from '../the-lab.ts'

const RUNS = Number(process.env['HISTORIES_RUNS'] ?? 3)
const SEED = Number(process.env['HISTORIES_SEED'] || 7)
tap.setTimeout(180 * RUNS * 1000 * patience)

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ does: fc.constant('vote' as const), times: fc.integer({ min: 1, max: 8 }) }) },
  { weight: 1, arbitrary: fc.constant({ does: 'close' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({ does: fc.constant('backup' as const), type: fc.constantFrom('full', 'diff', 'incr') }),
  },
  { weight: 1, arbitrary: fc.constant({ does: 'failover' as const }) },
  { weight: 1, arbitrary: fc.constant({ does: 'switchover' as const }) },
)
const history = fc.record({
  steps: fc.array(step, { minLength: 4, maxLength: 8 }),
  /** Where in the time that can be restored the moment is. */
  at: fc.double({ min: 0, max: 1, noNaN: true }),
})

/** What a client did, with its own times in milliseconds since 1970. */
type Acted = { readonly what: string; readonly began: number; readonly ended: number; readonly acknowledged: boolean }

/** What is in a database, in the same words. */
const inRestored = async (): Promise<ReadonlySet<string>> => {
  const query =
    "select 'vote ' || poll_id || ' ' || user_id from vote union all select 'close ' || id from poll where closed_at is not null"
  const rows = await docker('exec', lab.restored.container, 'psql', '-XAtq', '-d', 'polling', '-c', query)
  return new Set(rows.split('\n').filter((row) => row !== ''))
}

test('a restore to any moment of any history has exactly the votes acknowledged before it, and none that began after it', async (t) => {
  resetAfter(t)
  t.teardown(() => verb('restore', ['remove']))
  t.comment(`HISTORIES_SEED=${SEED}`)
  let compared = 0
  await fc.assert(
    fc.asyncProperty(history, async ({ steps, at }) => {
      await verb('restore', ['remove'])
      t.equal((await verb('reset')).exit, 0)
      await json(t, 'replication', 'on')
      const polling = client(addressOf('loader'), 30)
      const acts: Acted[] = []
      const told: string[] = []
      try {
        const act = async (what: string, call: () => Promise<object>) => {
          const began = Date.now()
          const answer = await call()
          acts.push({ what, began, ended: Date.now(), acknowledged: 'ok' in answer })
        }
        const newPoll = async () => {
          const answer = await polling.createPoll({ poll_questions: 'Who?', options: ['a', 'b'] })
          if (!('ok' in answer)) throw new Error(answer.details)
          return answer.ok.uuid
        }
        let poll = await newPoll()
        const { ended } = await json(t, 'backup')
        for (const [nth, it] of [{ does: 'vote' as const, times: 3 }, ...steps].entries()) {
          if (it.does === 'vote')
            for (let time = 0; time < it.times; time++) {
              const userID = `u${nth}-${time}`
              await act(`vote ${poll} ${userID}`, () => polling.castVote({ uuid: poll, userID, select_options: 'a' }))
            }
          else if (it.does === 'close') {
            const closed = poll
            await act(`close ${closed}`, () => polling.closePoll(closed))
            poll = await newPoll()
          } else if (it.does === 'backup') await json(t, 'backup', '--type', it.type)
          else {
            await json(t, it.does)
            if (it.does === 'failover') await json(t, 'rejoin')
          }
          told.push(it.does === 'backup' ? `backup ${it.type}` : it.does)
        }
        // The repository knows whole seconds.
        const first = (ended + 1) * 1000
        const now = await until('a moment to restore to', { seconds: 5, patience }, async () =>
          Date.now() > first + 10 ? { done: Date.now() } : { seen: 'the second of the backup' },
        )
        const moment = Math.floor(first + at * (now - first))
        const restored = await json(t, 'restore', '--to', momentText(moment))
        const there = await inRestored()
        const lacks = acts.filter((it) => it.acknowledged && it.ended < moment && !there.has(it.what))
        const early = acts.filter((it) => it.began > moment && there.has(it.what))
        compared += acts.length
        told.push(
          `to ${momentText(moment)}, from ${restored.backup} along timeline ${restored.along}: ${there.size} of ${acts.length}`,
        )
        if (lacks.length + early.length > 0) throw new Error(JSON.stringify({ lacks, early, restored }, null, 2))
      } finally {
        polling.close()
        t.comment(told.join('; '))
      }
    }),
    { numRuns: RUNS, seed: SEED, endOnFailure: true },
  )
  t.ok(compared > 0, `${compared} acts compared`)
})
