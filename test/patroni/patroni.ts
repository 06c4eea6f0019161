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

/** A lab keeps its manager. So this removes the lab, and makes another one. */
async function made(settings: NodeJS.ProcessEnv): Promise<void> {
  for (const [name, more] of [
    ['teardown', {}],
    ['setup', settings],
  ] as const) {
    const done = await verb(name, [], more)
    if (done.exit !== 0) throw new Error(failureOf(done))
  }
}

before(() => made({ LAB_MANAGER: 'patroni', LAB_STANDBYS: '2' }))
after(() => made({}))
