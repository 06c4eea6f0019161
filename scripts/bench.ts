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
const { benchLab } = await import('./lab/bench/lab.ts')
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
    .action(async ({ quick, clients, rounds, seconds, rate, keys = false, json, output }: Service) => {
      await checkWritable({ output: output ?? join(RESULTS, 'any') })
      const length = quick ? { rounds: 3, seconds: 1 } : { rounds, seconds }
      const figures = await measureService({ clients, ...length, rate, keys }, say, reporter)
      const file = output ?? join(RESULTS, `service-${figures.at.replaceAll(':', '-')}.json`)
      await show(figures, serviceTable(figures), { ...(json ? { json } : {}), output: file })
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
    .action(async ({ runs, json, output }: { runs: number } & Output) => {
      await checkWritable({ output: output ?? join(RESULTS, 'any') })
      const figures = await benchLab(false, reporter, (lab) => measureFailovers(lab, runs, say, reporter))
      const file = output ?? join(RESULTS, `failover-${figures.at.replaceAll(':', '-')}.json`)
      await show(figures, failoverTable(figures), { ...(json ? { json } : {}), output: file })
      if (figures.thawed.acknowledged > 0) process.exitCode = 1
    })
})

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
