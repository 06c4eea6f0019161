import { $ } from 'zx/core'
import { engineEnvironment } from './where.ts'

/** The present environment of this process for a command of `$`, with additions. */
export const environment = (besides: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  ...engineEnvironment(process.env),
  ...besides,
  // Bash takes its pipe from Node for a network connection and then reads ~/.bashrc, which may take long. A shell within a
  // shell does not.
  SHLVL: '2',
})

/** zx's `$`, for commands that need a shell, a pipe, or their output at once; use it with `environment()`. */
export { $ }
