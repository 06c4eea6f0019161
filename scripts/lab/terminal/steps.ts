import { AsyncLocalStorage } from 'node:async_hooks'
import { Listr, ListrLogger, type ListrTask, type ListrTaskWrapper, PRESET_TIMER, ProcessOutput } from 'listr2'
import type { Tell } from '../docker/docker.ts'
import { visible } from '../visible.ts'
import { obeysCodes } from './abilities.ts'

const silence = new AsyncLocalStorage<true>()

/** Runs work whose steps are not shown. */
export const silently = <T>(work: () => Promise<T>): Promise<T> => silence.run(true, work)

/** Runs steps one after another and shows their times: live on a terminal, plain lines when piped. It writes to stderr only. */
export async function steps(tasks: ListrTask[]): Promise<void> {
  const logger = new ListrLogger({ processOutput: new ProcessOutput(process.stderr, process.stderr) })
  const timer = { ...PRESET_TIMER, condition: (milliseconds: number) => milliseconds >= 100 }
  await new Listr(tasks.map(showing), {
    silentRendererCondition: () => silence.getStore() === true,
    // It writes to stderr, and by itself looks at stdout only.
    fallbackRendererCondition: () => !obeysCodes(process.stderr),
    concurrent: false,
    exitOnError: true,
    // We handle Ctrl-C ourselves: first the running command has to end.
    registerSignalListeners: false,
    rendererOptions: {
      logger,
      timer,
      collapseSubtasks: false,
      collapseErrors: false,
      showErrorMessage: false,
      // On a terminal a command is cut to one line; when piped, it is shown in full.
      formatOutput: 'truncate',
    },
    fallbackRendererOptions: { logger, timer },
  }).run()
}

/** Commands stay on the screen when their step is done. */
export const showing = (task: ListrTask): ListrTask => ({
  ...task,
  rendererOptions: { persistentOutput: true, outputBar: Number.POSITIVE_INFINITY },
})

/** Shows each told command below its step. */
export const tellOf =
  (task: Pick<ListrTaskWrapper<unknown, never, never>, 'output'>): Tell =>
  (line) => {
    task.output = `$ ${visible(line)}`
  }
