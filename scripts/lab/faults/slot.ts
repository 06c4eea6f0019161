import { look } from '../docker/command.ts'
import { labError } from '../errors.ts'
import { bytes } from '../numbers.ts'
import { change } from '../postgres/sql.ts'
import type { Tell } from '../steps.ts'
import type { Node } from '../topology/topology.ts'
import type { Kind, Order } from './kind.ts'

/** MiB of WAL to write. */
type SlotOptions = { readonly fill?: number }

const NAME = 'fault_slot'

/** MiB that must stay free on the disk. */
const LEFT_FREE = 1000

/** A replication slot that no standby uses, like that of a standby that is gone: WAL piles up. */
export const slot: Kind<'slot', SlotOptions> = {
  name: 'slot',
  does: 'makes a replication slot on it that no standby uses, so that WAL piles up; --fill writes some',
  fits: 'a database; --fill only the primary',
  place: 'database',
  states: ['running'],
  hasPeers: false,
  hinders: false,
  options: {
    fill: {
      value: 'MiB',
      says: 'write this much WAL, so that it piles up',
      takes: { from: 1, to: 2048, unit: 'MiB', whole: true },
    },
  },
  isFor: ({ node }) => node.kind === 'database',
  inject: async (tell, order) => {
    const { node } = order.view
    if (order.options.fill !== undefined) await checkFill(order, order.options.fill)
    await change(
      tell,
      node,
      `select pg_create_physical_replication_slot('${NAME}', true) where not exists (select from pg_replication_slots where slot_name = '${NAME}')`,
    )
    if (order.options.fill !== undefined) await fill(tell, node, order.options.fill)
  },
  inForce: ({ database }) =>
    database === undefined || 'unreachable' in database
      ? []
      : database.slots
          .filter(({ name }) => name === NAME)
          .map(({ retainedBytes }) => ({
            detail:
              retainedBytes === null
                ? 'lost: it needed more WAL than may be kept'
                : `keeps ${bytes(retainedBytes)} of WAL`,
          })),
  heal: async (tell, _, node) => {
    await change(
      tell,
      node,
      `select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = '${NAME}'`,
    )
    // The WAL that it kept is deleted at a checkpoint, on a standby too.
    await change(tell, node, 'checkpoint')
  },
}

async function checkFill({ view }: Order<SlotOptions>, mebibytes: number): Promise<void> {
  const { node, database } = view
  if (database === undefined || 'unreachable' in database || database.inRecovery)
    throw labError('FAULT_MISFIT', { kind: 'slot --fill', node: node.name, fits: 'the database that is primary now' })
  const folder = '/var/lib/postgresql/data'
  const [, free = '0'] = (await look(['exec', node.container, 'df', '--output=avail', '-BM', folder])).split('\n')
  const available = Number.parseInt(free, 10)
  if (available < mebibytes + LEFT_FREE)
    throw labError('DISK_LOW', { available, folder, needed: mebibytes + LEFT_FREE })
}

/** Writes messages into the WAL and nowhere else, in pieces of 1 MiB, so that it can be interrupted. */
const fill = (tell: Tell, node: Node, mebibytes: number): Promise<string> =>
  change(
    tell,
    node,
    `do $$ begin for mebibyte in 1..${mebibytes} loop perform pg_logical_emit_message(false, 'fault', repeat('x', 1048576)); end loop; end $$`,
  )
