import { $ } from 'zx/core'

// Bash takes the pipe that it gets from Node for a network connection, and then reads ~/.bashrc, however long that takes;
// only in a shell within a shell it does not.
$.env = { ...process.env, SHLVL: '2' }

/** zx's `$`, for commands that need a shell, a pipe or their output as it comes. */
export { $ }
