#!/usr/bin/env zx
// Measures the lab. Its targets are ratios within one run on one machine.
import './lab/terminal/begin.ts'
import { existsSync } from 'node:fs'
import { appendFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { dirname, join } from 'node:path'

const { pathFrom } = await import('./lab/terminal/command-line.ts')
const { refuseOtherCommands } = await import('./lab/terminal/command-line.ts')
const { endure, faultsOf } = await import('./lab/bench/endurance.ts')
const { enduranceTable } = await import('./lab/terminal/bench-tables.ts')
const { measureFailovers } = await import('./lab/bench/failover.ts')
const { failoverTable } = await import('./lab/terminal/bench-tables.ts')
const { measureIdle } = await import('./lab/bench/idle.ts')
const { idleTable } = await import('./lab/terminal/bench-tables.ts')
const { benchLab } = await import('./lab/bench/lab.ts')
const { measureBackups } = await import('./lab/bench/backups.ts')
const { backupsTable } = await import('./lab/terminal/bench-backups-table.ts')
const { measurePatroni } = await import('./lab/bench/patroni.ts')
const { patroniTable } = await import('./lab/terminal/bench-patroni-table.ts')
const { measureStandbys } = await import('./lab/bench/standbys.ts')
const { measureQuorum } = await import('./lab/bench/quorum.ts')
const { quorumTable, standbysTable } = await import('./lab/terminal/bench-standbys-tables.ts')
const { measureService } = await import('./lab/bench/service.ts')
const { serviceTable } = await import('./lab/terminal/bench-tables.ts')
const { measureStartup } = await import('./lab/bench/startup.ts')
const { startupTable } = await import('./lab/terminal/bench-tables.ts')
const { commandLine, numberFrom } = await import('./lab/terminal/command-line.ts')
const { reporter } = await import('./lab/terminal/steps.ts')
const { setup } = await import('./lab/verbs/setup.ts')
const { labError } = await import('./lab/errors.ts')
const { asJson, repeated } = await import('./lab/visible.ts')

const RESULTS = join(import.meta.dirname, '../results')

const say = (news: string) => console.error(`… ${news}`)

type Output = { readonly json?: boolean; readonly output?: string }
type Service = Output & {
  readonly quick?: boolean
  readonly clients: number
  readonly rounds: number
  readonly seconds: number
  readonly rate?: number
  readonly keys?: boolean
}

type Quorum = Output & { readonly callers: number; readonly rounds: number; readonly seconds: number }

await commandLine(import.meta.filename, (program) => {
  program.description('Measure the lab in a lab of its own, which is removed afterwards; yours is not touched.')
  program
    .command('startup', { isDefault: true })
    .description('time setup and reset against their targets')
    .option('--runs <number>', 'runs of each', numberFrom(1, 50), 5)
    .option('--json', 'print the figures as JSON')
    .option('--output <file>', 'write the figures to a file too, as JSON', pathFrom)
    // A word that is not one of these commands arrives here too.
    .allowExcessArguments()
    .action(async ({ runs, ...output }: { runs: number } & Output, command) => {
      refuseOtherCommands(command)
      await checkWritable(output)
      const figures = await measureStartup(runs, reporter)
      await show(figures, startupTable(figures), output)
    })
  program
    .command('service')
    .description('measure votes and results against their targets; exit code 1 if any call failed')
    .option('--quick', 'shorter and fewer measurements, about a minute')
    .option('--clients <number>', 'load generators', numberFrom(1, 64), Math.max(2, Math.floor(cpus().length / 2)))
    .option('--rounds <number>', 'how often each measurement is made', numberFrom(1, 50), 5)
    .option('--seconds <number>', 'length of each measurement', numberFrom(1, 60), 3)
    .option(
      '--rate <number>',
      'votes a second in the run at a fixed rate (default: half of the highest rate reached before)',
      numberFrom(1, 1_000_000),
    )
    .option('--keys', 'give every vote an idempotency key, and every row of pgbench too')
    .option('--json', 'print the figures as JSON')
    .option('--output <file>', 'write the figures to this file, as JSON (default: one in results/)', pathFrom)
    .action(async ({ quick, clients, rounds, seconds, rate, keys = false, ...output }: Service) => {
      await checkWritable(inResults('service', output))
      const length = quick ? { rounds: 3, seconds: 1 } : { rounds, seconds }
      const figures = await measureService({ clients, ...length, rate, keys }, say, reporter)
      await show(figures, serviceTable(figures), inResults('service', output, figures))
      if (figures.errors.length > 0) process.exitCode = 1
    })
  program
    .command('endurance')
    .description(
      'vote at full load while the servers are killed in turn; exit code 1 if there is any error or lost vote',
    )
    .option('--callers <number>', 'callers that vote without pause', numberFrom(1, 1000), 64)
    .option('--seconds <number>', 'seconds with kills; then half as many without', numberFrom(5, 3600), 60)
    .option('--json', 'print the figures as JSON')
    .option('--output <file>', 'write the figures to a file too, as JSON', pathFrom)
    .action(async ({ callers, seconds, ...output }: { callers: number; seconds: number } & Output) => {
      await checkWritable(output)
      const figures = await benchLab(false, reporter, async (lab) => {
        await setup(lab, reporter)
        return endure(lab, { callers, seconds, calmSeconds: seconds / 2 }, say)
      })
      await show(figures, enduranceTable(figures), output)
      if (faultsOf(figures).length > 0) process.exitCode = 1
    })
  program
    .command('failover')
    .description('time failovers, by command and by a watch, against their targets')
    .option('--runs <number>', 'runs of each', numberFrom(1, 100), 5)
    .option('--json', 'print the figures as JSON')
    .option('--output <file>', 'write the figures to this file, as JSON (default: one in results/)', pathFrom)
    .action(async ({ runs, ...output }: { runs: number } & Output) => {
      await checkWritable(inResults('failover', output))
      const figures = await benchLab(false, reporter, (lab) => measureFailovers(lab, runs, say, reporter))
      await show(figures, failoverTable(figures), inResults('failover', output, figures))
      if (figures.thawed.acknowledged > 0) process.exitCode = 1
    })
  program
    .command('idle')
    .description(
      'measure the processor time of a lab that nobody uses; other programs on this machine make it too high',
    )
    .option('--seconds <number>', 'how long to look', numberFrom(5, 600), 30)
    .option('--json', 'print the figures as JSON')
    .option('--output <file>', 'write the figures to this file, as JSON (default: one in results/)', pathFrom)
    .action(async ({ seconds, ...output }: { seconds: number } & Output) => {
      await checkWritable(inResults('idle', output))
      const figures = await measureIdle(seconds, say, reporter)
      await show(figures, idleTable(figures), inResults('idle', output, figures))
    })
  program
    .command('standbys')
    .description('time setup, reset and failovers with one and with three standbys side by side, against their targets')
    .option('--runs <number>', 'runs of each', numberFrom(1, 100), 5)
    .option('--json', 'print the figures as JSON')
    .option('--output <file>', 'write the figures to this file, as JSON (default: one in results/)', pathFrom)
    .action(async ({ runs, ...output }: { runs: number } & Output) => {
      await checkWritable(inResults('standbys', output))
      const figures = await measureStandbys(runs, say, reporter)
      await show(figures, standbysTable(figures), inResults('standbys', output, figures))
    })
  program
    .command('backups')
    .description('time a backup and a restore beside pg_basebackup, and what archiving adds to resets and failovers')
    .option('--runs <number>', 'runs of each', numberFrom(1, 100), 5)
    .option('--votes <number>', 'votes in the database that is backed up', numberFrom(1, 10_000_000), 1_000_000)
    .option('--json', 'print the figures as JSON')
    .option('--output <file>', 'write the figures to this file, as JSON (default: one in results/)', pathFrom)
    .action(async ({ runs, votes, ...output }: { runs: number; votes: number } & Output) => {
      await checkWritable(inResults('backups', output))
      const figures = await measureBackups(runs, votes, say, reporter)
      await show(figures, backupsTable(figures), inResults('backups', output, figures))
    })
  program
    .command('patroni')
    .description('time failovers of a lab with Patroni beside those of Patroni alone, in containers of the same images')
    .option('--kills <number>', 'how often each primary is killed', numberFrom(1, 100), 10)
    .option('--freezes <number>', 'how often each primary is frozen', numberFrom(0, 100), 5)
    .option('--json', 'print the figures as JSON')
    .option('--output <file>', 'write the figures to this file, as JSON (default: one in results/)', pathFrom)
    .action(async ({ kills, freezes, ...output }: { kills: number; freezes: number } & Output) => {
      await checkWritable(inResults('patroni', output))
      const figures = await measurePatroni({ kills, freezes }, say, reporter)
      await show(figures, patroniTable(figures), inResults('patroni', output, figures))
    })
  program
    .command('quorum')
    .description('measure what a vote costs at FIRST 1, ANY 1 and ANY 2 of three standbys, of which one is slow')
    .option('--callers <number>', 'callers that each wait for one vote at a time', numberFrom(1, 256), 8)
    .option('--rounds <number>', 'how often each measurement is made', numberFrom(1, 50), 5)
    .option('--seconds <number>', 'length of each measurement', numberFrom(1, 60), 3)
    .option('--json', 'print the figures as JSON')
    .option('--output <file>', 'write the figures to this file, as JSON (default: one in results/)', pathFrom)
    .action(async ({ callers, rounds, seconds, ...output }: Quorum) => {
      await checkWritable(inResults('quorum', output))
      const figures = await measureQuorum({ clients: 1, callers, rounds, seconds }, say, reporter)
      await show(figures, quorumTable(figures), inResults('quorum', output, figures))
      if (Object.keys(figures.outcomes).some((outcome) => outcome !== 'ok')) process.exitCode = 1
    })
})

/** Where figures go: into a file of the results, named after their time, if no other file was named. */
function inResults(name: string, output: Output, { at } = { at: '' }): Output {
  return { output: join(RESULTS, `${name}-${at.replaceAll(':', '-')}.json`), ...output }
}

/** Makes sure, before minutes of measuring, that the figures can be written. */
async function checkWritable({ output }: Output): Promise<void> {
  if (output === undefined) return
  try {
    await mkdir(dirname(output), { recursive: true })
    const there = existsSync(output)
    await appendFile(output, '')
    if (!there) await rm(output)
  } catch (error) {
    throw labError('OUTPUT', { path: repeated(output), problem: (error as Error).message })
  }
}

/** Prints figures, as a table or as JSON, and writes them to a file if one is named. */
async function show(figures: object, table: string, { json, output }: Output): Promise<void> {
  const text = asJson(figures, 2)
  console.log(json ? text : table)
  if (output === undefined) return
  await mkdir(dirname(output), { recursive: true })
  await writeFile(output, `${text}\n`)
  console.error(`figures written to ${output}`)
}
