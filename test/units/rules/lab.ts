import type { Data } from '../../../scripts/lab/postgres/data.ts'
import type { Facts } from '../../../scripts/lab/postgres/observe.ts'
import { type Answering, type Sight, sightOf } from '../../../scripts/lab/postgres/sights.ts'
import { readSettings } from '../../../scripts/lab/settings.ts'
import { type DatabaseName, labOf } from '../../../scripts/lab/topology/topology.ts'
import { ALONE } from './facts.ts'

const { databases } = labOf(readSettings({ LAB_STANDBYS: '3' }))

/** A database of a lab with three standbys. */
export function nodeOf(name: DatabaseName) {
  const node = databases.find((it) => it.name === name)
  if (node === undefined) throw new Error(name)
  return node
}

/** What a database is by its data. */
export function data(is: Data['is'], timeline = 1, upstream?: DatabaseName): Data {
  if (is === 'primary' || is === 'fenced') return { is, timeline }
  return is === 'standby' || is === 'follower' ? { is, upstream } : { is }
}

/** A database as it was seen; without facts it did not answer. */
export const sight = (
  name: DatabaseName,
  facts: Partial<Facts> | undefined,
  state: Sight['state'] = 'running',
): Sight => sightOf(nodeOf(name), state, facts && { ...ALONE, ...facts })

type Drawn = Partial<Record<'P' | 'A' | 'B' | 'C', string>>

const NAMES = { P: 'db-primary', A: 'db-replica', B: 'db-replica-2', C: 'db-replica-3' } as const
const isLetter = (word: string): word is keyof typeof NAMES => Object.hasOwn(NAMES, word)

/**
 * Databases that are drawn by letters: `P` is db-primary, `A`, `B` and `C` its standbys. For each: whom it follows, `primary`, or
 * `silent`. Each sends to all that follow it.
 */
export function drawn(picture: Drawn): readonly Sight[] {
  const letters = Object.keys(picture).filter(isLetter)
  return letters.map((letter) => {
    const says = picture[letter] ?? ''
    if (says === 'silent') return sight(NAMES[letter], undefined, 'exited')
    const followers = letters.filter((other) => picture[other] === letter)
    const standbys = followers.map((it) => ({ ...STREAMS, name: NAMES[it] }))
    if (says === 'primary') return sight(NAMES[letter], { standbys })
    const upstream = isLetter(says) ? NAMES[says] : says || null
    return sight(NAMES[letter], { inRecovery: true, receiver: 'streaming', upstream, standbys })
  })
}

const STREAMS = { state: 'streaming', sync: 'async', replayLagSeconds: null }

/** The letters of databases. */
export const lettersOf = (sights: readonly Pick<Sight, 'node'>[]): string =>
  sights.map(({ node }) => Object.entries(NAMES).find(([, name]) => name === node.name)?.[0]).join('')

/** One of them by its letter. */
export function theOne(letter: keyof typeof NAMES, sights: readonly Sight[]): Answering {
  const found = sights.find(({ node }) => node.name === NAMES[letter])
  if (found === undefined) throw new Error(letter)
  return found as Answering
}
