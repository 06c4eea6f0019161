import { act } from '../../docker/command.ts'
import { labError } from '../../errors.ts'
import { untilNodes } from '../../faults/waiting.ts'
import { observe } from '../../postgres/observe.ts'
import { writeStartNote } from '../../postgres/start-note.ts'
import type { DatabaseNode, Lab } from '../../topology/topology.ts'
import type { Control, Manager } from '../manager.ts'
import { forgetScope } from '../stores.ts'

/** What can be asked of Patroni, and told. */
const control: Control = {
  show: async (lab) => (await import('./view.ts')).needView(lab),
  pause: async (...args) => (await import('./control.ts')).pause(...args),
  resume: async (...args) => (await import('./control.ts')).resume(...args),
  set: async (...args) => (await import('./control.ts')).set(...args),
  exclude: async (...args) => (await import('./control.ts')).exclude(...args),
  replaced: async (...args) => (await import('./replacement.ts')).replaced(...args),
}

/** Patroni: whoever has the lease in the stores is the primary. It fails over by itself when the lease ends. */
export const patroni: Manager = {
  failover: async (...args) => (await import('./failover.ts')).failover(...args),
  prepare: async () => {},
  async watch({ databases: [first] }) {
    const command = `docker exec -it ${first?.container} patronictl list --watch 1`
    throw labError('PATRONI_DOES_IT', { verb: 'failover --watch', command })
  },
  switchover: async (...args) => (await import('./switchover.ts')).switchover(...args),
  rejoin: async (...args) => (await import('./rejoin.ts')).rejoin(...args),
  putLevel: async (tell, primary, choice) => (await import('./level.ts')).putLevel(tell, primary, choice),
  restoreLevel: async (...args) => (await import('./level.ts')).restoreLevel(...args),
  async copy(tell, lab, _from, node) {
    // Without a note and without data, Patroni makes the copy itself.
    await writeStartNote(tell, node, { do: 'keep' })
    await act(tell, ['start', node.container])
    await untilStreams(lab, node)
  },
  view: async (lab) => (await import('./view.ts')).patroniView(lab),
  control,
  forget: forgetScope,
  letGo: async (...args) => (await import('./members.ts')).letGo(...args),
}

const untilStreams = (lab: Lab, node: DatabaseNode): Promise<void> =>
  untilNodes(lab, { what: `${node.name} to stream`, seconds: 60, needs: lab.stores }, async () => {
    const facts = await observe(lab, node)
    if ('unreachable' in facts) return { seen: facts.unreachable }
    return facts.inRecovery && facts.receiver !== null ? { done: undefined } : { seen: 'it has no WAL receiver' }
  })
