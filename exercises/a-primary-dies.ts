// The scene of two exercises: a primary dies, with votes that only it has. Others use a part of it.
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
  await untilAlone(stage, 'db-replica')
  return { poll, diedAt }
}

/** A standby whose primary is dead gives it up. By itself it would wait for some seconds more. */
export async function untilAlone(stage: Stage, standby: Parameters<Stage['ask']>[0]): Promise<void> {
  await stage.change(standby, 'select pg_terminate_backend(pid) from pg_stat_wal_receiver')
  await stage.until(`${standby} to stream from nobody`, async () => {
    const receivers = await stage.ask(standby, 'select count(*) from pg_stat_wal_receiver')
    return receivers === '0' ? { done: undefined } : { seen: `${receivers} receivers` }
  })
}

/** The names of those whose votes only the old primary has. */
export const LOST: readonly string[] = Object.keys(ONLY_ON_THE_OLD).sort()
