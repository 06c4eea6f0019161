#!/usr/bin/env zx
// Measures the lab, as ratios within one run on one machine.
import { writeFile } from 'node:fs/promises'
import { InvalidArgumentError } from 'commander'
import { measureStartup } from './lab/bench/startup.ts'
import { startupTable } from './lab/bench/startup-view.ts'
import { commandLine } from './lab/command-line.ts'

const runs = (text: string): number => {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > 50)
    throw new InvalidArgumentError('It must be a number from 1 to 50.')
  return value
}

await commandLine(import.meta.filename, (program) => {
  program.description('Measure the lab in a lab of its own, which is removed afterwards; yours is not touched.')
  program
    .command('startup', { isDefault: true })
    .description('time setup and reset against their targets')
    .option('--runs <number>', 'runs of each', runs, 5)
    .option('--json', 'print the figures as JSON')
    .option('--output <file>', 'write the figures to a file too, as JSON')
    .action(async ({ runs, json, output }: { runs: number; json?: boolean; output?: string }) => {
      const figures = await measureStartup(runs)
      const text = JSON.stringify(figures, null, 2)
      if (output !== undefined) await writeFile(output, `${text}\n`)
      console.log(json ? text : startupTable(figures))
    })
})
