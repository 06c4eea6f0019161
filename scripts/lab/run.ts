import { spawn } from 'node:child_process'
import { interruption } from './interruption.ts'

/** How a command ended, and what it printed; without the white space at the end of `stderr`. */
export type Ran = { readonly exit: number; readonly stdout: Buffer; readonly stderr: string }

type Options = {
  /** Its standard input; by default it has none. */
  readonly input?: string | Buffer | undefined
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  /** In a process group of its own, which the terminal's Ctrl-C does not reach. */
  readonly detached?: boolean
}

/** Runs a command to its end, without a shell. An interruption ends it. A missing command gives exit code 127. */
export async function run(command: string, args: readonly string[], { input, ...options }: Options = {}): Promise<Ran> {
  const { signal } = interruption
  signal.throwIfAborted()
  // Bash would take a pipe of ours for a network connection, and read ~/.bashrc.
  const stdin = input === undefined ? 'ignore' : 'pipe'
  const child = spawn(command, args, { ...options, signal, stdio: [stdin, 'pipe', 'pipe'] })
  const chunks: Buffer[] = []
  let stderr = ''
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk
  })
  // If it ends without reading its input, its exit code tells why.
  child.stdin?.on('error', () => {})
  child.stdin?.end(input)
  const exit = await new Promise<number>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? resolve(127) : reject(error)))
    child.once('close', (code) => resolve(code ?? 1))
  }).finally(() => interruption.signal.throwIfAborted())
  return { exit, stdout: Buffer.concat(chunks), stderr: stderr.trimEnd() }
}
