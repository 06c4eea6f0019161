import { bytesOf } from '../lsn.ts'
import type { Facts } from '../postgres/observe.ts'
import type { Answering } from '../postgres/sights.ts'
import type { DatabaseNode } from '../topology/topology.ts'
import { slotOf } from '../topology/topology.ts'
import { CAUSES, type CauseName, causeIn, type Mending, type Named, OF_DISK } from './causes.ts'

/** What is the matter with a database, and what mends it. */
export type Trouble = {
  /** In one sentence, without its end. */
  readonly says: string
  readonly fix: string
  /** May it pass by itself? */
  readonly passes: boolean
}

/** What keeps a database from following the primary. */
export type Hindrance = Trouble & { readonly cause: CauseName; readonly mending: Mending }

/** One database that should follow the other, as they were seen. */
export type Scene = {
  readonly node: DatabaseNode
  readonly peer: DatabaseNode
  /** Undefined where it gives no answer. */
  readonly own: Facts | undefined
  /** Undefined where there is none. */
  readonly primary: Facts | undefined
  /** What the node logged in its last seconds. */
  readonly log: string
  /** What it said where it gave no answer. */
  readonly refusal?: string
}

/**
 * Does it follow the primary? The primary knows: a receiver that fails again and again shows `streaming` on the standby for
 * moments, and so does one whose history parted from the primary's, up to where they parted.
 */
export const follows = (name: string, own: Facts, primary: Facts | undefined): boolean =>
  own.receiver === 'streaming' &&
  (primary === undefined ||
    (own.timeline === primary.timeline &&
      primary.standbys.some((standby) => standby.name === name && standby.state === 'streaming')))

/** Is all that a standby has the primary's too, so that nothing is lost with it? */
export const hasNothingOfItsOwn = ({ facts }: Answering, own: Facts | undefined): boolean =>
  own?.inRecovery === true &&
  own.timeline === facts.timeline &&
  [own.lsn, own.receivedLsn].every((lsn) => lsn === null || (facts.lsn !== null && bytesOf(lsn) <= bytesOf(facts.lsn)))

/** What keeps it from following; undefined where nobody knows. A setting that is too low stops replay while it streams. */
export function hindranceOf(scene: Scene): Hindrance | undefined {
  const { own } = scene
  const [low] = own?.tooLow ?? []
  if (low !== undefined)
    return hindrance(scene, 'setting-too-low', { name: low.name, here: `${low.here}`, needed: `${low.needed}` })
  if (/too many clients already|remaining connection slots/.test(scene.refusal ?? ''))
    return hindrance(scene, 'no-session-left', {})
  const known = causeIn(`${scene.log.trimEnd()}\n${scene.refusal ?? ''}`)
  // Whether the disk takes anything comes before whom it follows.
  if (known !== undefined && OF_DISK.has(known.cause)) return hindrance(scene, known.cause, known.named)
  if (own !== undefined && own.followsByHand.length > 0)
    return hindrance(scene, 'set-by-hand', { settings: own.followsByHand.join(' and ') })
  return ofSlot(scene) ?? (known && hindrance(scene, known.cause, known.named))
}

/** What the primary's list of slots says. While its data is copied the copy has its slot, and the node gives no answer. */
function ofSlot(scene: Scene): Hindrance | undefined {
  const { node, own, primary } = scene
  if (own === undefined || primary === undefined || primary.inRecovery) return undefined
  const slot = primary.slots.find(({ name }) => name === slotOf(node))
  if (slot === undefined) return hindrance(scene, 'slot-gone', {})
  if (slot.walStatus === 'lost') return hindrance(scene, 'slot-lost', {})
  if (slot.holder !== null && slot.holder !== node.name)
    return hindrance(scene, 'slot-in-use', { holder: slot.holder || 'somebody without a name' })
  return undefined
}

function hindrance({ node, peer }: Scene, cause: CauseName, named: Named): Hindrance {
  const words: Named = {
    name: 'a setting',
    here: 'lower',
    needed: 'more',
    ...named,
    node: node.name,
    container: node.container,
    peer: peer.name,
    peerContainer: peer.container,
  }
  const fill = (text: string) => text.replace(/\{(\w+)\}/g, (blank, word: string) => words[word] ?? blank)
  const { says, mending, fix } = CAUSES[cause]
  return { cause, says: fill(says), mending, fix: fill(fix), passes: (mending as Mending) === 'wait' }
}
