#!/usr/bin/env zx
// Puts load on the lab, breaks it, recovers, and judges what the fault cost.
import './lab/terminal/begin.ts'
import type { Kept, Matrix } from './lab/experiment/experiment.ts'
import type { Plan } from './lab/experiment/record.ts'

const { labHere } = await import('./lab/docker/here.ts')
const { pathFrom } = await import('./lab/terminal/command-line.ts')
const { refuseOtherCommands } = await import('./lab/terminal/command-line.ts')
const { InvalidArgumentError } = await import('commander')
const { commandLine, numberFrom } = await import('./lab/terminal/command-line.ts')
const { reporter } = await import('./lab/terminal/steps.ts')
const { experiment, judgeAgain, plansOf } = await import('./lab/experiment/experiment.ts')
const { EXPERIMENTS } = await import('./lab/experiment/folder.ts')
const { LEVELS, RECOVERIES } = await import('./lab/experiment/record.ts')
const { assertManager } = await import('./lab/managers/manager-of.ts')
const { LEASE_RULE, leaseIn } = await import('./lab/rules/patroni-settings.ts')
const { KINDS } = await import('./lab/faults/kinds.ts')
const { experimentTable } = await import('./lab/terminal/experiment-view.ts')
const { DATABASE_NAMES, MANAGER_NAMES, NODE_NAMES } = await import('./lab/topology/topology.ts')
const { asJson } = await import('./lab/visible.ts')

const FAULTS = KINDS.map(({ name }) => name)
/** Bytes; somewhat more than a hundred votes. */
const DEFAULT_LAG = 128 * 1024
/** kbit/s: so slow that a vote spends most of its time on this link, also on a busy machine. */
const DEFAULT_SLOW = 500

type Options = Omit<Plan, 'manager' | 'lease' | 'fault' | 'level' | 'recovery' | 'lag' | 'slow'> & {
  readonly manager?: Matrix['managers']
  readonly lease?: Matrix['leases']
  readonly fault: Matrix['faults']
  readonly level: Matrix['levels']
  readonly recovery: Matrix['recoveries']
  readonly runs: number
  readonly lag?: number | true
  readonly slow?: number | true
  readonly output: string
  readonly json?: boolean
}

await commandLine(import.meta.filename, (program) => {
  program.description(
    'Vote without pause, inject a fault, recover, and compare what the database has with what clients were told. See docs/experiments.md.',
  )
  program
    .command('run', { isDefault: true })
    .description(
      'run every combination of faults, levels and recoveries, and reset the lab before each: ALL POLLS AND VOTES ARE DELETED. Exit code 0 pass, 1 fail, 2 unknown',
    )
    .option('--fault <kinds>', `one or more, separated by commas: ${FAULTS.join(', ')}`, someOf(FAULTS), ['crash'])
    .option(
      '--node <node>',
      `the node that gets the fault: ${NODE_NAMES.join(', ')}`,
      oneOf(NODE_NAMES),
      DATABASE_NAMES[0],
    )
    .option('--level <levels>', `durability: ${LEVELS.join(', ')}`, someOf(LEVELS), ['async'])
    .option('--recovery <ways>', `how the lab recovers: ${RECOVERIES.join(', ')}`, someOf(RECOVERIES), ['failover'])
    .option(
      '--manager <managers>',
      `who recovers: ${MANAGER_NAMES.join(', ')} (default: the one that the lab has); afterwards the lab has that one again`,
      someOf(MANAGER_NAMES),
    )
    .option('--lease <leases>', `Patroni's settings, one or more, as in 30/10/10,20/1/3: ${LEASE_RULE}`, leases)
    .option('--runs <number>', 'runs of each combination', numberFrom(1, 100), 1)
    .option('--before <seconds>', 'load before the fault', numberFrom(1, 600), 2)
    .option('--after <seconds>', 'load after the recovery', numberFrom(1, 600), 2)
    .option('--voters <number>', 'callers that vote without pause; 64 are full load', numberFrom(1, 512), 8)
    .option('--readers <number>', 'callers that vote and read what they wrote', numberFrom(1, 128), 2)
    .option(
      '--lag [bytes]',
      `first cut all standbys off until they lack this many bytes of WAL (default: ${DEFAULT_LAG}); the failover may lose them`,
      numberFrom(1, 2 ** 30),
    )
    .option(
      '--slow [kbit/s]',
      `limit the link from the primary to each standby to this rate (default: ${DEFAULT_SLOW})`,
      numberFrom(1, 10_000_000),
    )
    .option('--output <folder>', 'folder that gets a new folder with the experiment', pathFrom, EXPERIMENTS)
    .option('--json', 'print the experiment as JSON, without the samples')
    // A word that is not one of these commands arrives here too.
    .allowExcessArguments()
    .action(
      async (
        { manager, lease = [], fault, level, recovery, runs, lag = 0, slow, output, json, ...common }: Options,
        command,
      ) => {
        refuseOtherCommands(command)
        const lab = await labHere()
        const link = slow === undefined ? {} : { slow: slow === true ? DEFAULT_SLOW : slow }
        const managers = manager ?? [lab.settings.manager]
        if (lease.length > 0 && !managers.includes('patroni'))
          assertManager(lab, lab.settings.manager, 'patroni', 'experiment --lease')
        const plans = plansOf(
          { managers, leases: lease, faults: fault, levels: level, recoveries: recovery, runs },
          { ...common, ...link, lag: lag === true ? DEFAULT_LAG : lag },
        )
        const tell = (what: string) => console.error(`… ${what}`)
        show(await experiment(lab, plans, output, tell, reporter), json)
      },
    )
  program
    .command('judge <folder>')
    .description('judge the runs in a folder again, from the files that they left')
    .option('--json', 'print the experiment as JSON, without the samples')
    .action(async (folder: string, { json }: { json?: boolean }) => show(await judgeAgain(folder), json))
})

function show(it: Kept, json = false): void {
  const withoutSamples = {
    ...it.experiment,
    folder: it.folder,
    report: it.report,
    runs: it.experiment.runs.map(({ samples: _, ...run }) => run),
  }
  console.log(json ? asJson(withoutSamples, 2) : experimentTable(it))
  process.exitCode = { pass: 0, fail: 1, unknown: 2 }[it.experiment.verdict]
}

function oneOf<T extends string>(known: readonly T[]): (text: string) => T {
  return (text) => {
    const found = known.find((name) => name === text)
    if (found === undefined) throw new InvalidArgumentError(`It must be one of ${known.join(', ')}.`)
    return found
  }
}

function leases(text: string): Matrix['leases'] {
  return [...new Set(text.split(','))].map((one) => {
    const lease = leaseIn(one)
    if (lease === undefined) throw new InvalidArgumentError(`It must be ${LEASE_RULE}.`)
    return lease
  })
}

function someOf<T extends string>(known: readonly T[]): (text: string) => readonly T[] {
  const one = oneOf(known)
  return (text) => [...new Set(text.split(',').map(one))]
}
