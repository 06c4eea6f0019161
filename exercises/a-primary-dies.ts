// The scene of two exercises: a primary dies, with votes that only it has.
import { z } from 'zod'
import type { Stage } from '../scripts/lab/exercise/face.ts'

export const OPTIONS = ['Old', 'New']
export const EVERYWHERE = { ann: 'New', bob: 'Old', cid: 'New' }
export const ONLY_ON_THE_OLD = { dora: 'New', emil: 'Old' }

/** `diedAt`: when the primary had died, an ISO date. */
export const Scene = z.object({ poll: z.string(), diedAt: z.string() })
export type Scene = z.infer<typeof Scene>

/** Casts votes that reach the standby, and votes that do not. Then kills the primary. */
export async function aPrimaryDies(stage: Stage): Promise<Scene> {
  const poll = await stage.createPoll('The new logo?', OPTIONS)
  await stage.voteEverywhere(poll, EVERYWHERE)
  await stage.fault('isolate', 'db-replica', { peers: ['db-primary'] })
  await stage.vote(poll, ONLY_ON_THE_OLD)
  await stage.fault('crash', 'db-primary')
  const diedAt = new Date().toISOString()
  await stage.heal('isolate')
  // Otherwise it would wait for its primary for some seconds more.
  await stage.change('db-replica', 'select pg_terminate_backend(pid) from pg_stat_wal_receiver')
  await stage.until('db-replica to stream from nobody', async () => {
    const receivers = await stage.ask('db-replica', 'select count(*) from pg_stat_wal_receiver')
    return receivers === '0' ? { done: undefined } : { seen: `${receivers} receivers` }
  })
  return { poll, diedAt }
}

/** The names of those whose votes only the old primary has. */
export const LOST: readonly string[] = Object.keys(ONLY_ON_THE_OLD).sort()
