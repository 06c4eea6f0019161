import type { ListrTask, ListrTaskWrapper } from 'listr2'
import { readSettings } from '../settings.ts'
import type { Reporter, Step, Telling } from '../steps.ts'
import { visible } from '../visible.ts'
import { columnsOf, obeysCodes } from './abilities.ts'
import { folded } from './folded.ts'
import { jsonSteps } from './json-steps.ts'

/** A line in a file or a pipe is no longer than that, where words allow it. */
const PLAIN_COLUMNS = 120

// Loaded while others are waited for: it takes a while.
const listr2 = import('listr2')

/** Shows steps with their times: live on a terminal, plain lines when piped. */
const onTerminal: Reporter = {
  step: async <T>(title: string, work: Step<T>['work']) => {
    const values: T[] = []
    await show(taskOf({ title, work }, (value) => values.push(value)))
    return values[0] as T
  },
  together: async <T>(title: string, steps: readonly Step<T>[]) => {
    const values = new Map<Step<T>, T>()
    await show({
      title,
      task: (_, task) =>
        task.newListr(
          steps.map((step) => taskOf(step, (value) => values.set(step, value))),
          { concurrent: true },
        ),
    })
    return steps.map((step) => values.get(step) as T)
  },
  overheard: (text) => void process.stderr.write(text),
}

const asLines = jsonSteps((line) => void process.stderr.write(line))

const chosen = (): Reporter => (readSettings().steps === 'json' ? asLines : onTerminal)

/** Tells the steps of a verb in the way that LAB_STEPS asks for. Standard output stays free for answers. */
export const reporter: Reporter = {
  step: (title, work) => chosen().step(title, work),
  together: (title, steps) => chosen().together(title, steps),
  overheard: (text) => chosen().overheard(text),
}

async function show(task: ListrTask): Promise<void> {
  const { Listr, ListrLogger, ListrLogLevels, PRESET_TIMER, ProcessOutput } = await listr2
  const logger = new ListrLogger({ processOutput: new ProcessOutput(process.stderr, process.stderr) })
  const timer = { ...PRESET_TIMER, condition: (milliseconds: number) => milliseconds >= 100 }
  await new Listr([task], {
    // It writes to stderr, and by itself looks at stdout only.
    fallbackRendererCondition: () => !obeysCodes(process.stderr),
    // We handle Ctrl-C ourselves: first the running command has to end.
    registerSignalListeners: false,
    rendererOptions: {
      logger,
      timer,
      collapseSubtasks: false,
      collapseErrors: false,
      showErrorMessage: false,
      // On a terminal a command is cut to one line; in a file or a pipe it is shown in full.
      formatOutput: 'truncate',
    },
    // It would put its sign before each line of a command, and nobody could copy that.
    fallbackRendererOptions: { logger, timer, icon: { [ListrLogLevels.OUTPUT]: '' } },
  }).run()
}

/** What a step tells stays on the screen when it is done. */
const taskOf = <T>({ title, work }: Step<T>, done: (value: T) => void): ListrTask => ({
  title,
  task: async (_, task) => void done(await work(tellingOf(task))),
  rendererOptions: { persistentOutput: true, outputBar: Number.POSITIVE_INFINITY },
})

const tellingOf = (task: Pick<ListrTaskWrapper<unknown, never, never>, 'output' | 'title'>): Telling => {
  const isLive = obeysCodes(process.stderr)
  const begins = isLive ? '$ ' : '› $ '
  return {
    tell: (command) => {
      const columns = isLive ? Number.POSITIVE_INFINITY : Math.min(columnsOf(process.stderr), PLAIN_COLUMNS)
      task.output = begins + folded(visible(command), columns - begins.length)
    },
    say: (news) => {
      task.output = isLive ? news : `› ${news}`
    },
    retitle: (title) => {
      task.title = title
    },
  }
}
