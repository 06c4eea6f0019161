// From which moment on a log is about the last run of a container.
import { test } from 'tap'
import { sinceOf } from '../../../scripts/lab/docker/log.ts'

/** Seconds, as the moments that the engine writes. */
const at = (seconds: number) => new Date(1_800_000_000_000 + seconds * 1000).toISOString()

const seen = { startedAt: at(60), finishedAt: at(0), restarts: 0 } as const
const CASES = {
  'of one that runs, all since its start': [{ ...seen, startedAt: at(90), state: 'running' }, 90],
  'of one that runs for long, the last seconds': [{ ...seen, startedAt: at(1), state: 'running' }, 85],
  'of one that the engine started again, its last words too': [
    { startedAt: at(98), finishedAt: at(97), restarts: 3, state: 'running' },
    95,
  ],
  'of one that ended, all of its run': [{ startedAt: at(80), finishedAt: at(90), restarts: 0, state: 'exited' }, 80],
  'of one that ended at once, also what it said before the engine noted its start': [
    { startedAt: at(90), finishedAt: at(90.1), restarts: 3, state: 'restarting' },
    88.1,
  ],
} as const

test('a log begins with the last run, and never without the last words of a process', async (t) => {
  for (const [name, [container, expected]] of Object.entries(CASES))
    t.equal(new Date(sinceOf(container, 15, Date.parse(at(100)))).toISOString(), at(expected), name)
})
