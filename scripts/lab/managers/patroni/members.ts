import { ask } from '../../postgres/sql.ts'
import type { Tell } from '../../steps.ts'
import { type DatabaseNode, type Lab, slotOf } from '../../topology/topology.ts'
import { until } from '../../wait.ts'
import { forgetMembers } from '../stores.ts'
import { patronictl, whereToAsk } from './patronictl.ts'

/** Patroni keeps the slot of a member for half an hour after it saw it last; this one never comes back. */
const NOW = 'member_slots_ttl=1'
const AS_USUAL = 'member_slots_ttl=null'

/** Makes Patroni drop the slots of standbys that the lab no longer has: it would make each of them again. */
export async function letGo(tell: Tell, lab: Lab, gone: readonly DatabaseNode[]): Promise<void> {
  const node = await whereToAsk(lab)
  const set = (setting: string) => patronictl(tell, node, 'edit-config', '--set', setting, '--force')
  await forgetMembers(tell, lab, gone)
  await set(NOW)
  try {
    await until('Patroni to drop their slots', { seconds: 30, patience: lab.settings.patience }, async () => {
      const left = await Promise.all(lab.databases.map((it) => ask(lab, it, slotsOf(gone))))
      const seen = left.filter((it) => it !== '').join(', ')
      return seen === '' ? { done: undefined } : { seen }
    })
  } finally {
    await set(AS_USUAL)
  }
}

const slotsOf = (gone: readonly DatabaseNode[]): string =>
  `select string_agg(slot_name, ', ') from pg_replication_slots where slot_name in (${gone.map((it) => `'${slotOf(it)}'`).join(', ')})`
