import { bytesOf } from '../lsn.ts'
import type { Facts } from '../postgres/observe.ts'
import type { Answering } from '../postgres/sights.ts'
import type { DatabaseNode } from '../topology/topology.ts'
import { slotOf } from '../topology/topology.ts'
import { CAUSES, type CauseName, causeIn, type Mending, type Named, OF_DISK, type Row } from './causes.ts'
import { sendsTo } from './members.ts'

/** What is wrong with a database, and what repairs it. */
export type Trouble = {
  /** One sentence without a full stop. */
  readonly says: string
  readonly fix: string
  /** Whether it may pass by itself. */
  readonly passes: boolean
}

/** What keeps a database from following its upstream. */
export type Hindrance = Trouble & { readonly cause: CauseName; readonly mending: Mending }

/** A database that should follow another, and what was seen of both. */
export type Scene = {
  readonly node: DatabaseNode
  /** The database that it should follow. */
  readonly upstream: DatabaseNode
  /** Undefined if it does not answer. */
  readonly own: Facts | undefined
  /** What that one says. Undefined if there is none. */
  readonly sender: Facts | undefined
  /** Who on the way to the node does not answer, in words. */
  readonly lost?: string | undefined
  /** What the node logged in its last seconds. */
  readonly log: string
  /** The image that its container was made from. */
  readonly image: string
  /** What it said instead of an answer. */
  readonly refusal?: string
}

/**
 * Whether it follows its upstream. Only the sender knows: on a standby a receiver that fails again and again shows
 * `streaming` for moments. So does a receiver with a diverged history, up to the point where it diverged.
 */
export const follows = (name: string, own: Facts, sender: Facts | undefined): boolean =>
  own.receiver === 'streaming' &&
  (sender === undefined || (own.timeline === sender.timeline && sendsTo({ facts: sender }, { name })))

/** Whether the primary has everything that the standby has, so that nothing is lost with the standby. */
export const hasNothingOfItsOwn = ({ facts }: Answering, own: Facts | undefined): boolean =>
  own?.inRecovery === true &&
  own.timeline === facts.timeline &&
  [own.lsn, own.receivedLsn].every((lsn) => lsn === null || (facts.lsn !== null && bytesOf(lsn) <= bytesOf(facts.lsn)))

/** What keeps it from following; undefined if unknown. If a setting is too low, replay stops although it streams. */
export function hindranceOf(scene: Scene): Hindrance | undefined {
  const { own } = scene
  const [low] = own?.tooLow ?? []
  if (low !== undefined)
    return hindrance(scene, 'setting-too-low', { name: low.name, here: `${low.here}`, needed: `${low.needed}` })
  if (/too many clients already|remaining connection slots/.test(scene.refusal ?? ''))
    return hindrance(scene, 'no-session-left', {})
  const known = causeIn(`${scene.log.trimEnd()}\n${scene.refusal ?? ''}`)
  // A disk that cannot be written to comes before any question of replication.
  if (known !== undefined && OF_DISK.has(known.cause)) return hindrance(scene, known.cause, known.named)
  const shut = keptOutBy(scene.sender, known?.cause)
  if (shut.length > 0) return hindrance(scene, 'kept-out', { settings: shut.map(settingPhrase).join(' and ') })
  if (own !== undefined && own.followsByHand.length > 0)
    return hindrance(scene, 'set-by-hand', { settings: own.followsByHand.join(' and ') })
  if (own !== undefined && scene.sender !== undefined && own.inRecovery && own.upstream !== scene.upstream.name)
    return scene.lost === undefined
      ? hindrance(scene, 'other-upstream', { follows: own.upstream ?? 'no database' })
      : hindrance(scene, 'upstream-silent', { lost: scene.lost })
  return ofSlot(scene) ?? (known && hindrance(scene, known.cause, known.named))
}

type Setting = Facts['admitsByHand'][number]

const settingPhrase = ({ name, value }: Setting): string => `${name} = ${value === '' ? "''" : value}`

/** With these values a primary admits no standby. With any other value it may admit one, so only the standby's log decides. */
const ADMITS_NOBODY: Readonly<Record<string, string>> = {
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_replication_slots: '0',
}
const SHOWN_BY: Readonly<Partial<Record<CauseName, readonly string[]>>> = {
  'not-admitted': ['hba_file'],
  'no-connection': ['listen_addresses', 'port'],
}

/** The settings of the primary, set by hand, that keep the standby out. */
const keptOutBy = (primary: Facts | undefined, shown: CauseName | undefined): readonly Setting[] =>
  (primary?.admitsByHand ?? []).filter(
    ({ name, value }) => ADMITS_NOBODY[name] === value || (shown !== undefined && SHOWN_BY[shown]?.includes(name)),
  )

/** What the sender's list of slots says. During a copy pg_basebackup uses the slot, and the node does not answer. */
function ofSlot(scene: Scene): Hindrance | undefined {
  const { node, own, sender } = scene
  if (own === undefined || sender === undefined) return undefined
  const slot = sender.slots.find(({ name }) => name === slotOf(node))
  if (slot === undefined) return hindrance(scene, 'slot-gone', {})
  if (slot.walStatus === 'lost') return hindrance(scene, 'slot-lost', {})
  if (slot.holder !== null && slot.holder !== node.name)
    return hindrance(scene, 'slot-in-use', { holder: slot.holder || 'a client without a name' })
  return undefined
}

function hindrance({ node, upstream, image }: Scene, cause: CauseName, named: Named): Hindrance {
  const words: Named = {
    name: 'a setting',
    here: 'lower',
    needed: 'more',
    ...named,
    node: node.name,
    container: node.container,
    image,
    upstream: upstream.name,
    upstreamContainer: upstream.container,
  }
  const fill = (text: string) => text.replace(/\{(\w+)\}/g, (blank, word: string) => words[word] ?? blank)
  const { says, mending, fix, passes }: Row = CAUSES[cause]
  return { cause, says: fill(says), mending, fix: fill(fix), passes: passes ?? mending === 'wait' }
}
