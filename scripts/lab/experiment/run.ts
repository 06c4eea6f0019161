import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { LabError } from '../errors.ts'
import { heal } from '../faults/heal.ts'
import { inject } from '../faults/inject.ts'
import { KINDS } from '../faults/kinds.ts'
import { slow } from '../faults/slow.ts'
import { interruption } from '../interruption.ts'
import { readLines } from '../lines.ts'
import { controlOf, managerOf } from '../managers/manager-of.ts'
import { IN_ORDER } from '../rules/durability.ts'
import { type Clock, clockFrom } from '../service/load/history.ts'
import { type Load, startLoad } from '../service/load/load.ts'
import type { Reporter } from '../steps.ts'
import type { Lab } from '../topology/topology.ts'
import { endpointOf, firstPrimaryOf, othersOf } from '../topology/topology.ts'
import { setLevel } from '../verbs/replication.ts'
import { FILES, replaceFile, replaceJson } from './folder.ts'
import { contentOf, keepLogs } from './found.ts'
import { judgeRecorded } from './judge/recorded.ts'
import { makeLag } from './lag.ts'
import { Call, type Event, type Found, type Plan, type Run } from './record.ts'
import { prepareRecovery, type Recovered, type Recovery } from './recovery.ts'
import { type Sampling, startSampling } from './sampling.ts'

/** Seconds, before `patience`, that clients have after the recovery to reach the new primary. */
const RECONNECT_SECONDS = 20
/** Seconds, before `patience`, that a run may take longer than its plan. */
const MOST_SECONDS = 180

/** The running parts of a run. */
type Parts = { readonly sampling: Sampling; readonly load: Load; readonly recovery: Recovery }

/** Carries out one run on a reset lab, and writes all that it saw into a folder of its own. */
export async function carryOut(lab: Lab, plan: Plan, name: string, parent: string, reporter: Reporter): Promise<Run> {
  const folder = join(parent, name)
  await mkdir(folder, { recursive: true })
  if (plan.lease !== undefined)
    await controlOf(lab).set(
      lab,
      Object.entries(plan.lease).map(([name, value]) => `${name}=${value}`),
      reporter,
    )
  await setLevel(lab, { level: plan.level, rule: IN_ORDER }, false, reporter)
  if (plan.slow !== undefined) await slowDown(lab, plan.slow, reporter)
  const clock = clockFrom(Date.now())
  const { recovered, events, samples, end } = await withParts(lab, plan, clock, folder, reporter, async (parts) => {
    const { recovered, events } = await breakAndRecover(lab, plan, clock, parts, reporter)
    return { recovered, events, end: await parts.load.stop(), samples: await parts.sampling.stop() }
  })
  // A node that is down or cut off cannot be read, so its fault is healed. A fenced node stays fenced.
  if (recovered.fenced.length === 0 && (await healAll(lab, plan, reporter)))
    events.push({ at: clock.now(), kind: 'healed', node: plan.node, what: `${plan.fault} is healed` })
  else if (recovered.fenced.length === 0) await bringBack(lab, reporter)
  const calls = await readLines(join(folder, FILES.history), Call)
  const { stored, ...content } = await contentOf(lab, [...new Set(calls.map(({ poll }) => poll))])
  const problems = [...(recovered.problem === null ? [] : [recovered.problem]), ...content.problems]
  const found: Found = { ...end, ...content, walLost: recovered.walLost, problems }
  await replaceFile(join(folder, FILES.stored), stored.map((vote) => `${JSON.stringify(vote)}\n`).join(''))
  await replaceJson(join(folder, FILES.found), found)
  await keepLogs(lab, clock.origin, join(folder, 'logs'))
  const run: Run = {
    name,
    at: new Date(clock.origin).toISOString(),
    plan,
    length: clock.now(),
    events,
    samples: [...samples],
    judgement: await judgeRecorded(folder, plan, events),
  }
  await replaceJson(join(folder, FILES.result), run)
  return run
}

/** Starts load, sampling and recovery for `use`, and ends them afterwards, however `use` ended. */
async function withParts<T>(
  lab: Lab,
  plan: Plan,
  clock: Clock,
  folder: string,
  reporter: Reporter,
  use: (parts: Parts) => Promise<T>,
): Promise<T> {
  const { patience } = lab.settings
  const { voters, readers } = plan
  const sampling = startSampling(lab, clock)
  let load: Load | undefined
  let recovery: Recovery | undefined
  try {
    recovery = await prepareRecovery(lab, plan, reporter)
    load = await startLoad({
      address: endpointOf(lab, lab.loader) ?? '',
      patience,
      origin: clock.origin,
      voters,
      readers,
      file: join(folder, FILES.history),
      seconds: plan.before + plan.after + MOST_SECONDS * patience,
    })
    return await use({ sampling, load, recovery })
  } finally {
    await Promise.all([load?.kill(), recovery?.stop(), sampling.stop()])
  }
}

/** The course of a run, from the first votes to the last. */
async function breakAndRecover(
  lab: Lab,
  plan: Plan,
  clock: Clock,
  { sampling, load, recovery }: Parts,
  reporter: Reporter,
) {
  const events: Event[] = []
  const mark = (kind: Event['kind'], what: string) => events.push({ at: clock.now(), kind, node: plan.node, what })
  await wait(plan.before)
  if (recovery.ready !== undefined) {
    await recovery.ready()
    // What is cast from here on is at stake.
    await wait(plan.before)
  }
  const lag = plan.lag > 0 ? `; ${await makeLag(lab, plan.lag, sampling, reporter)}` : ''
  mark('fault', `${plan.fault} ${plan.node}${lag}`)
  await inject(lab, { kind: kindNamed(plan.fault), node: plan.node, peers: [], options: {} }, reporter)
  mark('in-force', `${plan.fault} is in force on ${plan.node}`)
  const inForce = clock.now()
  const recovered: Recovered = await recovery.recover()
  events.push(...recovered.marks.map((it) => ({ ...it, at: clock.at(it.at) })))
  if (plan.recovery !== 'none' && recovered.problem === null) await load.acknowledgedAfter(inForce, RECONNECT_SECONDS)
  await wait(plan.after)
  return { recovered, events }
}

const wait = (seconds: number): Promise<void> => pause(seconds * 1000, undefined, { signal: interruption.signal })

/** The kind of fault of that name. */
function kindNamed(name: string) {
  const kind = KINDS.find((it) => it.name === name)
  if (kind === undefined) throw new Error(`no kind of fault ${name}`)
  return kind
}

/** Of two databases that took writes, only the newer one is read. */
const bringBack = (lab: Lab, reporter: Reporter): Promise<unknown> =>
  managerOf(lab)
    .rejoin(lab, { copy: false, discard: true }, reporter)
    .catch((error: unknown) => {
      // If it fails, the databases that cannot be read show it.
      if (interruption.signal.aborted || !(error instanceof LabError)) throw error
    })

/** Limits the link to the standbys: the cost of a level depends on it. */
const slowDown = (lab: Lab, rate: number, reporter: Reporter): Promise<void> =>
  inject(lab, { kind: slow, node: firstPrimaryOf(lab).name, peers: standbyNames(lab), options: { rate } }, reporter)

const standbyNames = (lab: Lab) => othersOf(lab, firstPrimaryOf(lab)).map(({ name }) => name)

/** Heals the fault of a plan and the link to the standby; false if that was not possible. */
async function healAll(lab: Lab, plan: Plan, reporter: Reporter): Promise<boolean> {
  try {
    const link = [...(plan.lag > 0 ? ['isolate'] : []), ...(plan.slow === undefined ? [] : ['slow'])]
    await heal(lab, { kinds: [plan.fault, ...link], nodes: [] }, reporter)
    return true
  } catch (error) {
    // If it fails, the databases that cannot be read show it.
    if (interruption.signal.aborted || !(error instanceof LabError)) throw error
    return false
  }
}
