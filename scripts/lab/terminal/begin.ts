// Imported first by every verb, which loads the rest only then: loading takes a while, and has to end in order too.
import { spawn } from 'node:child_process'
import { fstatSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { heedInterruption, reader } from '../interruption.ts'

heedInterruption()

// Halves the time to load what a script imports from here on.
enableCompileCache()

// Who reads may have left (`| head -1`), and the terminal be closed: what was begun is brought to its end all the same.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (stream === process.stdout) reader.left = true
    if (code === 'EPIPE' || code === 'EIO') return
    process.exitCode = 1
    if (stream === process.stdout) console.error(`✗ the answer could not be written: ${message}`)
  })

/** From now on the process ends when nobody reads its answer any more: for what does nothing else than answer. */
export const endWithReader = (): void => {
  process.stdout.once('error', () => process.exit())
}

/**
 * Notes also without a word to write that nobody reads the answer any more, for what may have none for hours. Node would
 * not know of it, `tail` does; it ends with this process.
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
