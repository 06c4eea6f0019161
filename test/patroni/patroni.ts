// The suite's lab with Patroni and two standbys, as long as the tests of one file run. Only `setup` is told so.
import { after, before } from 'tap'

// Both read the settings when they are loaded.
process.env['LAB_STANDBYS'] = '2'
process.env['LAB_MANAGER'] = 'patroni'
const { asUsual, ...theLab } = await import('../the-lab.ts')
export const { addressOf, containerOf, docker, failureOf, lab, patience, resetAfter, setUp, sql, verb } = theLab
export const { json, pollOnBoth, untilHas, voteGetsThrough, voteOn, votersOn } = await import('../recovery/scene.ts')
delete process.env['LAB_STANDBYS']
delete process.env['LAB_MANAGER']

before(() => setUp({ LAB_MANAGER: 'patroni', LAB_STANDBYS: '2' }))
after(asUsual)
