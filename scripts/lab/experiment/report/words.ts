import { bytes } from '../../numbers.ts'
import { type Event, type Judgement, managedAs, type Plan } from '../record.ts'
import { plural } from './units.ts'

type Verdict = { readonly sign: string; readonly word: string; readonly ofOne: string; readonly ofMany: string }

/** A verdict: a sign, so that nobody needs to see its colour, and what it means for one run and for several. */
export const VERDICTS: Readonly<Record<Judgement['verdict'], Verdict>> = {
  pass: {
    sign: '✓',
    word: 'Pass',
    ofOne: 'Every acknowledged vote is stored exactly once, and there is evidence of it.',
    ofMany: 'Every run passed.',
  },
  fail: {
    sign: '✗',
    word: 'Fail',
    ofOne: 'The database does not have what clients were told.',
    ofMany: 'At least one run failed: the comparison shows where.',
  },
  unknown: {
    sign: '?',
    word: 'Unknown',
    ofOne: 'There is too little evidence to say.',
    ofMany: 'No run failed, but at least one gave too little evidence to say.',
  },
}

export const OUTCOMES = {
  ok: 'acknowledged',
  definite: 'definite error: not applied',
  indefinite: 'indefinite: nobody knows',
} as const

/** What a commit waits for at each level of durability. */
const WAITS: Readonly<Record<Plan['level'], string>> = {
  async: 'a commit waits for the primary only',
  remote_write: "a commit waits until the standby's operating system has it",
  on: 'a commit waits until the standby has it on disk',
  remote_apply: 'a commit waits until the standby shows it to readers',
}

const RECOVERS: Readonly<Record<Plan['recovery'], string>> = {
  failover: 'Then the command failover runs.',
  watch: 'failover --watch notices the fault by itself, and fails over.',
  salvage:
    'Then the command failover --salvage runs: the standby gets what it lacks from the disk of the dead primary.',
  'watch-salvage':
    'failover --watch --salvage notices the fault by itself, and fails over with what the disk of the primary has.',
  restore: 'Then the lab is restored from its backup and the archive, as if both databases were lost.',
  none: 'There is no failover.',
}

const recovers = ({ manager, lease, recovery }: Plan): string =>
  manager === 'patroni' && recovery === 'watch'
    ? `Patroni notices the fault by itself, and promotes a standby when the lease of the primary has ended${lease === undefined ? '' : `, ${lease.ttl} s after it was renewed`}.`
    : RECOVERS[recovery]

export const EVENTS: Readonly<Record<Event['kind'], string>> = {
  fault: 'fault',
  'in-force': 'in force',
  detected: 'detected',
  checked: 'checked',
  fenced: 'fenced',
  promoted: 'promoted',
  serving: 'first write',
  healed: 'healed',
  rejoined: 'rejoined',
}

export const PARTS: Readonly<Record<Judgement['parts'][number]['name'], string>> = {
  detection: 'until the loss of the primary was noticed',
  check: 'until it was clear that the standby may be promoted',
  fencing: 'until the old primary certainly took no more writes',
  promotion: 'until the standby was the primary',
  lease: 'until the lease of the old primary had ended',
  race: 'until a standby had got the lease',
  reconnection: 'until a server had found it and a client’s write was acknowledged',
}

/** What was done in a run, in sentences. */
export function story(plan: Plan): string {
  const { fault, node, level } = plan
  const lag = plan.lag > 0 ? ` First the standby is cut off, until it lacks at least ${bytes(plan.lag)} of WAL.` : ''
  const link = plan.slow === undefined ? '' : ` The link to the standby carries ${plan.slow} kbit/s.`
  return (
    `${load(plan)}${link} At durability ${level}, ${WAITS[level]}.${lag} ` +
    `After ${plan.before} s the fault “${fault}” is injected into ${node}. ${recovers(plan)} ` +
    `The load goes on for at least ${plan.after} s.`
  )
}

const load = ({ voters, readers }: Plan): string =>
  `${plural(voters, 'caller votes', 'callers vote')} without pause, and ${plural(readers, 'more caller votes and reads its own vote', 'more callers vote and read their own votes')}.`

/** What distinguishes this plan from others, in a few words. */
export const shortly = (plan: Plan): string =>
  [
    `${plan.fault} of ${plan.node}`,
    plan.level,
    plan.manager === 'scripted' ? '' : managedAs(plan),
    plan.recovery === 'none' ? 'no recovery' : plan.recovery,
    held(plan),
  ]
    .filter((it) => it !== '')
    .join(' · ')

/** How far behind the standby was held, and how slow its link was; empty if neither was done. */
export const held = ({ lag, slow }: Plan): string =>
  [
    ...(lag > 0 ? [`standby ${bytes(lag)} behind`] : []),
    ...(slow === undefined ? [] : [`link of ${slow} kbit/s`]),
  ].join(', ')
