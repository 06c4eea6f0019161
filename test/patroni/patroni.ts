// The suite's lab with Patroni and two standbys, as long as the tests of one file run. Only `setup` is told so.
import { after, before } from 'tap'

// Both read the settings when they are loaded.
process.env['LAB_STANDBYS'] = '2'
process.env['LAB_MANAGER'] = 'patroni'
export const { addressOf, containerOf, docker, failureOf, lab, patience, resetAfter, sql, verb } = await import(
  '../the-lab.ts'
)
export const { json, pollOnBoth, untilHas, voteGetsThrough, voteOn, votersOn } = await import('../recovery/scene.ts')
delete process.env['LAB_STANDBYS']
delete process.env['LAB_MANAGER']

/** Gives the lab another manager and number of standbys. */
async function setUp(manager: string, standbys: string): Promise<void> {
  const done = await verb('setup', [], { LAB_MANAGER: manager, LAB_STANDBYS: standbys })
  if (done.exit !== 0) throw new Error(failureOf(done))
}

before(() => setUp('patroni', '2'))
after(() => setUp('scripted', '1'))
