import { act } from '../../docker/command.ts'
import { dropLostSlot, slotStatements } from '../../postgres/slots.ts'
import { change } from '../../postgres/sql.ts'
import { writeStartNote } from '../../postgres/start-note.ts'
import type { Hindrance } from '../../rules/hindrance.ts'
import type { Tell } from '../../steps.ts'
import type { DatabaseNode, Lab } from '../../topology/topology.ts'
import { asPrimary, hinders, logSince, untilFollows } from '../following.ts'
import { putDown } from './fencing.ts'

/** How a database was made a standby. `refused`: why it was copied although a rewind was tried. */
export type Followed = { readonly how: 'rewound' | 'copied'; readonly refused: string | null }

/** The database whose data a standby gets, and the one that it follows then: the same, or another standby. */
export type Source = { readonly primary: DatabaseNode; readonly upstream: DatabaseNode }

/** Prepares both for a new standby: its slots, and a checkpoint of the primary. */
export async function prepareFor(tell: Tell, { primary, upstream }: Source, node: DatabaseNode): Promise<void> {
  // A lost slot keeps no WAL any more. pg_rewind reads the new timeline from the last checkpoint.
  const slot = [...dropLostSlot(node), ...slotStatements(node)]
  await change(tell, primary, ...slot, 'checkpoint')
  if (upstream !== primary) await change(tell, upstream, ...slot)
}

/**
 * Starts a database that is down as a standby, rewound or copied, and waits until it streams. If it cannot stream after a
 * rewind, it is copied.
 */
export async function followNewPrimary(
  tell: Tell,
  lab: Lab,
  source: Source,
  node: DatabaseNode,
  word: 'rewind' | 'copy',
): Promise<Followed> {
  const { primary, upstream } = source
  const since = new Date().toISOString()
  await writeStartNote(tell, node, {
    do: word,
    from: primary.name,
    ...(upstream === primary ? {} : { follows: upstream.name }),
  })
  await act(tell, ['start', node.container])
  const hindrance = await untilFollows(lab, upstream, node, 120)
  if (hindrance !== undefined) {
    if (word === 'copy' || !WITH_A_COPY.includes(hindrance.mending)) throw hinders(node, hindrance)
    await putDown(tell, lab, node)
    return { ...(await followNewPrimary(tell, lab, source, node, 'copy')), refused: hindrance.says }
  }
  const log = await logSince(node, since)
  if (!new RegExp(`^${node.name} was copied`, 'm').test(log)) return { how: 'rewound', refused: null }
  const said = /^pg_rewind: (?:error|fatal): (.*)$/m.exec(log)?.[1] ?? 'pg_rewind failed'
  return { how: 'copied', refused: word === 'rewind' ? said : null }
}

const WITH_A_COPY: readonly Hindrance['mending'][] = ['copy', 'rewind']

/** Makes a database without data a copy of the primary, which may still be starting. */
export async function copyFrom(tell: Tell, lab: Lab, from: DatabaseNode, node: DatabaseNode): Promise<void> {
  await asPrimary(lab, from)
  const source = { primary: from, upstream: from }
  await prepareFor(tell, source, node)
  await followNewPrimary(tell, lab, source, node, 'copy')
}
