import { $ } from 'zx/core'
import { engineEnvironment } from './where.ts'

/** This process's environment as it is by now, for a command of `$`, and what is given besides. */
export const environment = (besides: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  ...engineEnvironment(process.env),
  ...besides,
  // Bash takes the pipe that it gets from Node for a network connection, and then reads ~/.bashrc, however long that
  // takes; only in a shell within a shell it does not.
  SHLVL: '2',
})

/** zx's `$`, for commands that need a shell, a pipe or their output as it comes; with `environment()`. */
export { $ }
