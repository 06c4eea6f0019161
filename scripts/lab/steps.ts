import { Listr, type ListrTask, type ListrTaskWrapper, PRESET_TIMER } from 'listr2'
import type { Tell } from './engine/docker.ts'

/** Runs steps one after another, with times: live on a terminal, plain lines on standard error when piped. */
export async function steps(tasks: ListrTask[]): Promise<void> {
  const timer = { ...PRESET_TIMER, condition: (milliseconds: number) => milliseconds >= 100 }
  const shown = {
    timer,
    persistentOutput: true,
    outputBar: Number.POSITIVE_INFINITY,
    collapseSubtasks: false,
    collapseSkips: true,
  }
  await new Listr(tasks, {
    concurrent: false,
    exitOnError: true,
    // Ctrl-C is ours: it has to end what runs first.
    registerSignalListeners: false,
    rendererOptions: { ...shown, collapseErrors: false, showErrorMessage: false },
    fallbackRendererOptions: { timer },
  }).run()
}

/** Shows each told command below its step. */
export const tellOf =
  (task: Pick<ListrTaskWrapper<unknown, never, never>, 'output'>): Tell =>
  (line) => {
    task.output = `$ ${line}`
  }
