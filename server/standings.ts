import { withinTime } from './call.ts'
import type { Database } from './cluster/pool.ts'
import { isFailure, type Result } from './errors.ts'
import { selectStanding } from './store/standing.ts'
import { judge, type Position, type Standing, type Verdict } from './token.ts'

/** Compares a token with the present position of a database, or with that of a moment ago. */
export type Judge = (database: Database, token: Position) => Promise<Result<Verdict>>

/** Milliseconds that an answer is valid. A node only moves forward, except if it is reset or rewound. */
const GOOD_FOR_MS = 200
/** Milliseconds that a database has to give its position. */
const ASK_MS = 2000

/** A judge that asks the databases for their positions as rarely as is safe. */
export function makeJudge(): Judge {
  const known = new Map<string, { standing: Standing | undefined; askedAt: number }>()
  const asking = new Map<string, Promise<Result<Standing | undefined>>>()

  // One question at a time to each database, however many reads wait. A read that comes meanwhile takes the same answer: if
  // that is too old, it only asks again.
  function ask(database: Database): Promise<Result<Standing | undefined>> {
    const running = asking.get(database.name)
    if (running) return running
    const askedAt = performance.now()
    const started = askOnce(database).then((result) => {
      asking.delete(database.name)
      if (isFailure(result)) known.delete(database.name)
      else known.set(database.name, { standing: result.value, askedAt })
      return result
    })
    asking.set(database.name, started)
    return started
  }

  return async (database, token) => {
    const before = known.get(database.name)
    if (before && performance.now() - before.askedAt < GOOD_FOR_MS) {
      const verdict = judge(token, before.standing)
      if (verdict.kind === 'reached') return { value: verdict }
    }
    const standing = await ask(database)
    return isFailure(standing) ? standing : { value: judge(token, standing.value) }
  }
}

// With a time limit of its own: the answer is shared by calls that end at different times.
function askOnce(database: Database): Promise<Result<Standing | undefined>> {
  return withinTime(ASK_MS, (call) => selectStanding(database, call))
}
