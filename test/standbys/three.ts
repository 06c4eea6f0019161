// The suite's lab with three standbys, as long as the tests of one file run. Only `setup` is told how many there are.
import { after, before } from 'tap'
import type { DatabaseName } from '../../scripts/lab/topology/topology.ts'

// Both read the setting when they are loaded.
process.env['LAB_STANDBYS'] = '3'
const theLab = await import('../the-lab.ts')
export const { containerOf, docker, failureOf, lab, patience, resetAfter, sql, startVerb, verb } = theLab
export const { json, pollOnBoth, untilHas, untilSaid, voteGetsThrough, voteOn, votersOn } = await import(
  '../recovery/scene.ts'
)
export const { client } = await import('../grpc.ts')
delete process.env['LAB_STANDBYS']

/** The slots that a database has, by name. */
export const slotsOf = (node: DatabaseName): Promise<string> =>
  sql(node, "select string_agg(slot_name, ' ' order by slot_name) from pg_replication_slots")

/** Waits until a database has all of those voters. */
export const untilVoters = (node: DatabaseName, poll: string, voters: string) =>
  untilHas(node, `select string_agg(user_id, ' ' order by user_id) from vote where poll_id = '${poll}'`, voters)

/** Has databases look after their slots on the others now. */
export async function moveSlots(...nodes: readonly DatabaseName[]): Promise<void> {
  for (const node of nodes) await docker('exec', containerOf(node), 'bash', '/usr/local/bin/move-slots')
}

/** Gives the lab so many standbys. */
export const setUp = (standbys: string): Promise<void> => theLab.setUp({ LAB_STANDBYS: standbys })

before(() => setUp('3'))
after(() => setUp('1'))
