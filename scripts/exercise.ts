#!/usr/bin/env zx
// Exercises that check themselves: a situation, a task, and a check of the real system.
import './lab/terminal/begin.ts'

const { labHere } = await import('./lab/docker/here.ts')
const { commandLine, numberFrom, refuseOtherCommands } = await import('./lab/terminal/command-line.ts')
const { check, end, hint, list, solve, start, verifyAll } = await import('./lab/exercise/learn.ts')
const { entryOf, readTrack } = await import('./lab/exercise/track.ts')
const { readSettings } = await import('./lab/settings.ts')
const {
  actedView,
  briefView,
  checkJson,
  checkView,
  endedView,
  hintView,
  progressJson,
  stepView,
  trackTable,
  verifiedLines,
} = await import('./lab/terminal/exercise-view.ts')
const { labOf } = await import('./lab/topology/topology.ts')
const { asJson } = await import('./lab/visible.ts')

const tell = (what: string) => console.error(`… ${what}`)
const DISCARD = ['--discard', 'go on even if the lab has polls of yours: they are deleted'] as const

type Options = { readonly json?: boolean; readonly discard?: boolean }
type Verifying = { readonly runs: number; readonly thorough?: boolean }

await commandLine(import.meta.filename, (program) => {
  program.description('Exercises that check themselves: each puts the lab into a situation, and checks what you did.')
  program
    .command('list', { isDefault: true })
    .description('all exercises, and how far you are')
    // A word that is not one of these commands arrives here too.
    .allowExcessArguments()
    .option('--json', 'print your progress as JSON, for a teacher who collects it')
    .action(async ({ json }: Options, command) => {
      refuseOtherCommands(command)
      const lab = labOf(readSettings())
      const listed = await list(lab)
      console.log(json ? asJson(progressJson(listed, lab.name), 2) : trackTable(listed))
    })
  program
    .command('start <exercise>')
    .description('start an exercise, by its number or name: ALL VOTES ARE DELETED')
    .option(...DISCARD)
    .action(async (word: string, { discard = false }: Options) =>
      console.log(briefView(await start(await labHere(), word, discard, tell))),
    )
  program
    .command('check [exercise]')
    .description('look at the lab; exit code 0 if the exercise is solved, else 1')
    .option('--answer <text>', 'your answer to the question of the exercise')
    .option('--json', 'print what was found as JSON')
    .action(async (word: string | undefined, { answer, json }: Options & { answer?: string }) => {
      const checked = await check(await labHere(), word, answer)
      console.log(json ? asJson(checkJson(checked), 2) : checkView(checked))
      const { passed } = checked
      if (!passed) process.exitCode = 1
    })
  program
    .command('hint [exercise]')
    .description('show one more hint')
    .action(async (word?: string) => console.log(hintView(await hint(await labHere(), word))))
  program
    .command('solve [exercise]')
    .description('start an exercise again, and carry out its solution step by step: ALL VOTES ARE DELETED')
    .option(...DISCARD)
    .action(async (word: string | undefined, { discard = false }: Options) => {
      const solved = await solve(await labHere(), word, discard, tell, {
        before: (step) => console.log(stepView(step)),
        after: (acted) => console.log(actedView(acted)),
      })
      console.log(`\n${checkView(solved)}`)
      if (!solved.passed) process.exitCode = 1
    })
  program
    .command('reset')
    .description('leave the exercise and reset the lab: ALL VOTES ARE DELETED')
    .option('--progress', 'forget your progress too')
    .option(...DISCARD)
    .action(async ({ progress = false, discard = false }: Options & { progress?: boolean }) => {
      await end(await labHere(), discard, progress, tell)
      console.log(endedView())
    })
  program
    .command('verify [exercises...]')
    .description(
      'test these exercises, or all: the check fails before the solution and passes after it, accepts every right way, and refuses every tempting wrong way; two starts give the same state. ALL POLLS AND VOTES ARE DELETED',
    )
    .option('--runs <number>', 'how often', numberFrom(1, 1000), 1)
    .option('--thorough', 'also try the right and wrong ways that take long, or that are much like others')
    .option(...DISCARD)
    .action(async (words: string[], { runs, thorough = false, discard = false }: Options & Verifying) => {
      const entries = words.length === 0 ? await readTrack() : await Promise.all(words.map(entryOf))
      const all = Array.from({ length: runs }, () => entries).flat()
      await verifyAll(await labHere(), all, { discard, thorough }, tell, (verified) => {
        console.log(verifiedLines(verified))
        if (verified.problems.length > 0) process.exitCode = 1
      })
    })
})
