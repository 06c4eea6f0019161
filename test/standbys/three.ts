// The suite's lab with three standbys, as long as the tests of one file run. Only `setup` is told how many there are.
import { after, before } from 'tap'

// Both read the setting when they are loaded.
process.env['LAB_STANDBYS'] = '3'
export const { containerOf, docker, failureOf, lab, patience, resetAfter, sql, startVerb, verb } = await import(
  '../the-lab.ts'
)
export const { json, pollOnBoth, untilHas, untilSaid, voteGetsThrough, voteOn, votersOn } = await import(
  '../recovery/scene.ts'
)
export const { client } = await import('../grpc.ts')
delete process.env['LAB_STANDBYS']

/** Gives the lab so many standbys. */
export async function setUp(standbys: string): Promise<void> {
  const done = await verb('setup', [], { LAB_STANDBYS: standbys })
  if (done.exit !== 0) throw new Error(failureOf(done))
}

before(() => setUp('3'))
after(() => setUp('1'))
