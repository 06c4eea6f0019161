// Every verb imports this first, before it loads the rest: loading takes a while, and a signal has to end that in order too.
import { spawn } from 'node:child_process'
import { fstatSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { handleSignals, reader } from '../interruption.ts'
import { settleColours } from './abilities.ts'

handleSignals()
settleColours()

// Halves the time to load what a script imports after this.
enableCompileCache()

// The reader may have gone (`| head -1`), or the terminal may be closed: the verb still finishes its work.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (stream === process.stdout) reader.left = true
    if (code === 'EPIPE' || code === 'EIO') return
    process.exitCode = 1
    if (stream === process.stdout) console.error(`✗ the answer could not be written: ${message}`)
  })

/** From now on the process ends when nobody reads its answer any more. For verbs that only answer and change nothing. */
export const endWithReader = (): void => {
  process.stdout.once('error', () => process.exit())
}

/**
 * Notices that nobody reads the answer any more, also while there is nothing to write, perhaps for hours. Node does not
 * notice that, but `tail` does; it ends with this process.
 */
export function watchReader(): void {
  if (!fstatSync(process.stdout.fd).isFIFO()) return
  const args = ['-f', '/dev/null', `--pid=${process.pid}`]
  const tail = spawn('tail', args, { stdio: ['ignore', 'inherit', 'ignore'], detached: true })
  tail.once('error', () => {})
  tail.once('exit', (_, signal) => {
    if (signal === 'SIGPIPE') process.stdout.emit('error', Object.assign(new Error('nobody reads'), { code: 'EPIPE' }))
  })
  tail.unref()
  process.once('exit', () => tail.kill())
}
