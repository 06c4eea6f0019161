import { test } from 'tap'
import { stageOf } from '../../../scripts/lab/exercise/stage.ts'
import { readSettings } from '../../../scripts/lab/settings.ts'
import { labOf } from '../../../scripts/lab/topology/topology.ts'

test('a fault takes the options of its kind, and names one that it does not have before anything changes', async (t) => {
  const { fault } = stageOf(labOf({ ...readSettings(), name: 'nowhere' }))
  await t.rejects(fault('crash', 'backup', { options: { rate: 100 } }), { message: 'crash has no option rate' })
  // The options are its own; that there is no such lab comes after.
  await t.rejects(fault('slow', 'backup', { peers: ['primary'], options: { rate: 100 } }), { code: 'NOT_SET_UP' })
})
