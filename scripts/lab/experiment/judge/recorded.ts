import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LabError } from '../../errors.ts'
import { parseRecord, readLines } from '../../lines.ts'
import { FILES } from '../folder.ts'
import { Call, type Event, Found, type Judgement, type Plan, StoredVote } from '../record.ts'
import { judge } from './judge.ts'

/** Judges a run by the files in its folder. An incomplete or broken file is no evidence. */
export async function judgeRecorded(folder: string, plan: Plan, events: readonly Event[]): Promise<Judgement> {
  const found = join(folder, FILES.found)
  try {
    return judge({
      plan,
      events,
      calls: await readLines(join(folder, FILES.history), Call),
      stored: await readLines(join(folder, FILES.stored), StoredVote),
      found: parseRecord(found, await readFile(found, 'utf8'), Found),
    })
  } catch (error) {
    return notJudged(plan, whyUnreadable(error))
  }
}

/** Why a record cannot be read: it is missing or broken. Any other error is thrown. */
export function whyUnreadable(error: unknown): string {
  if (error instanceof LabError && error.code === 'RECORD_BROKEN') return error.message
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
    return `not run to its end: ${error.message}`
  throw error
}

/** The judgement of a run without evidence. */
export function notJudged(plan: Plan, why: string): Judgement {
  const found: Found = { calls: 0, cut: null, readFrom: null, counted: [], walLost: null, problems: [] }
  return { ...judge({ plan, calls: [], events: [], stored: [], found }), reasons: [why] }
}
