import { join } from 'node:path'
import { machine } from '../docker/machine.ts'
import { LabError } from '../errors.ts'
import { nodeNamed } from '../faults/inject.ts'
import { beginAgain, interruption } from '../interruption.ts'
import { readLines } from '../lines.ts'
import { exclusively } from '../state/lock.ts'
import type { Reporter, Say } from '../steps.ts'
import { type Lab, labOf } from '../topology/topology.ts'
import { reset } from '../verbs/reset.ts'
import { setup } from '../verbs/setup.ts'
import { createFolder, FILES, readExperiment, replaceFile, replaceJson, writeExperiment } from './folder.ts'
import { judgeRecorded, notJudged, whyUnreadable } from './judge/recorded.ts'
import type { Experiment, Plan, Run } from './record.ts'
import { Call, managedAs } from './record.ts'
import { reportPage } from './report/page.ts'
import { carryOut } from './run.ts'

/** What to combine, and the number of runs of each combination. */
export type Matrix = {
  readonly managers: readonly Plan['manager'][]
  /** Only Patroni has one; none means the one that the lab begins with. */
  readonly leases: readonly NonNullable<Plan['lease']>[]
  readonly faults: readonly string[]
  readonly levels: readonly Plan['level'][]
  readonly recoveries: readonly Plan['recovery'][]
  readonly runs: number
}

/**
 * Every combination, in rounds: if the machine becomes slower with time, that affects all of them alike. Only the manager
 * changes once, because that takes long.
 */
export function plansOf(
  { managers, leases, faults, levels, recoveries, runs }: Matrix,
  common: Omit<Plan, 'manager' | 'lease' | 'fault' | 'level' | 'recovery'>,
): readonly Plan[] {
  return managers.flatMap((manager) => {
    const managed =
      manager === 'scripted' || leases.length === 0 ? [{ manager }] : leases.map((lease) => ({ manager, lease }))
    const combinations = managed.flatMap((by) =>
      recoveriesOf(manager, recoveries).flatMap((recovery) =>
        faults.flatMap((fault) => levels.map((level) => ({ ...common, ...by, fault, level, recovery }))),
      ),
    )
    return Array.from({ length: runs }, () => combinations).flat()
  })
}

/** Patroni always watches, and needs no command: so its recovery is `watch`, or none is waited for. */
const recoveriesOf = (manager: Plan['manager'], recoveries: Matrix['recoveries']): Matrix['recoveries'] =>
  manager === 'scripted' ? recoveries : [...new Set(recoveries.map((it) => (it === 'none' ? it : 'watch')))]

/** An experiment, the folder that keeps it, and the page that shows it. */
export type Kept = { readonly experiment: Experiment; readonly folder: string; readonly report: string }

/** Carries out the plans one after another, each on a reset lab. Stores all in a new folder in `output`, then resets the lab. */
export async function experiment(
  lab: Lab,
  plans: readonly Plan[],
  output: string,
  say: Say,
  reporter: Reporter,
): Promise<Kept> {
  for (const { node } of plans) nodeNamed(lab, node)
  // A lock of its own, since its commands take the lab's lock.
  return exclusively(lab, () => carryOutAll(lab, plans, output, say, reporter), 'experiment')
}

async function carryOutAll(
  first: Lab,
  plans: readonly Plan[],
  output: string,
  say: Say,
  reporter: Reporter,
): Promise<Kept> {
  let lab = first
  const at = new Date()
  const about = { at: at.toISOString(), machine: await machine(), postgres: Number(lab.settings.postgres) }
  const folder = await createFolder(output, at, [...new Set(plans.map(({ fault }) => fault))].join('+'))
  const runs: Run[] = []
  const keep = async (): Promise<Experiment> => {
    const it = { ...about, verdict: verdictOf(runs), runs }
    await writeExperiment(folder, it)
    return it
  }
  try {
    for (const plan of plans) {
      say(`run ${runs.length + 1} of ${plans.length}: ${inWords(plan)}`)
      lab = await managedBy(plan.manager, lab, reporter)
      await reset(lab, reporter)
      runs.push(await attempt(lab, plan, nameOf(runs.length, plan), folder, reporter))
      await keep()
    }
  } catch (error) {
    const { aborted, reason } = interruption.signal
    const why = `not run: ${aborted ? 'interrupted' : String(error)}`
    for (const plan of plans.slice(runs.length)) runs.push(notRun(nameOf(runs.length, plan), plan, why))
    await keepReport(folder, await keep())
    // After an interruption faults may be in force; the next Ctrl-C stops healing them.
    beginAgain()
    say(`${why}; resetting the lab`)
    await asBefore(first, lab, reporter)
    throw aborted ? reason : error
  }
  await asBefore(first, lab, reporter)
  const it = await keep()
  return { experiment: it, folder, report: await keepReport(folder, it) }
}

/** The lab with that manager: setup changes it if need be. */
async function managedBy(manager: Plan['manager'], lab: Lab, reporter: Reporter): Promise<Lab> {
  if (lab.settings.manager === manager) return lab
  const other = labOf({ ...lab.settings, manager, managerGiven: true })
  await reset(lab, reporter)
  await setup(other, reporter)
  return other
}

/** Leaves the lab as new, and with the manager that it had. */
async function asBefore(first: Lab, now: Lab, reporter: Reporter): Promise<void> {
  await reset(await managedBy(first.settings.manager, now, reporter), reporter)
}

/** A run that fails half-way does not count; later runs may succeed. */
async function attempt(lab: Lab, plan: Plan, name: string, folder: string, reporter: Reporter): Promise<Run> {
  try {
    return await carryOut(lab, plan, name, folder, reporter)
  } catch (error) {
    if (interruption.signal.aborted || !(error instanceof LabError)) throw error
    return notRun(name, plan, `not run: ${error.code}: ${error.message}`)
  }
}

const notRun = (name: string, plan: Plan, why: string): Run => ({
  name,
  at: new Date().toISOString(),
  plan,
  length: 0,
  events: [],
  samples: [],
  judgement: notJudged(plan, why),
})

/** If one run fails, the experiment fails. If none fails but one is unknown, the experiment is unknown. */
const verdictOf = (runs: readonly Run[]): Experiment['verdict'] =>
  (['fail', 'unknown'] as const).find((verdict) => runs.some(({ judgement }) => judgement.verdict === verdict)) ??
  (runs.length === 0 ? 'unknown' : 'pass')

function nameOf(nth: number, plan: Plan): string {
  const managed = plan.manager === 'scripted' ? [] : [managedAs(plan).replaceAll(/[ /]/g, '-')]
  return [String(nth + 1).padStart(3, '0'), ...managed, plan.fault, plan.level, plan.recovery].join('-')
}

const inWords = (plan: Plan): string => {
  const { fault, node, level, recovery, lag, slow } = plan
  return `${managedAs(plan)}, ${fault} ${node} at ${level}, recovery ${recovery}${lag === 0 ? '' : `, with a standby that lacks ${lag} bytes`}${slow === undefined ? '' : `, over a link of ${slow} kbit/s`}`
}

/** Judges the runs of an experiment again, from the files in their folders. */
export async function judgeAgain(folder: string): Promise<Kept> {
  const { runs, ...about } = await readExperiment(folder)
  const judged: Run[] = []
  for (const run of runs) judged.push(run.length === 0 ? run : await judgedAgain(join(folder, run.name), run))
  const experiment = { ...about, verdict: verdictOf(judged), runs: judged }
  await writeExperiment(folder, experiment)
  return { experiment, folder, report: await keepReport(folder, experiment) }
}

async function judgedAgain(folder: string, run: Run): Promise<Run> {
  const it = { ...run, judgement: await judgeRecorded(folder, run.plan, run.events) }
  await replaceJson(join(folder, FILES.result), it)
  return it
}

/** Writes `report.html` of an experiment beside its runs, from their files; gives its path. */
async function keepReport(folder: string, experiment: Experiment): Promise<string> {
  const calls = new Map<string, readonly Call[]>()
  for (const { name } of experiment.runs) calls.set(name, await historyOf(join(folder, name, FILES.history)))
  const file = join(folder, FILES.report)
  await replaceFile(file, reportPage(experiment, calls))
  return file
}

/** If a run did not take place, or its history is incomplete, the report shows it without its calls. */
const historyOf = (file: string): Promise<readonly Call[]> =>
  readLines(file, Call).catch((error: unknown) => {
    whyUnreadable(error)
    return []
  })
