import { request } from 'node:http'
import { addAbortSignal, type Duplex } from 'node:stream'
import { interruption } from '../interruption.ts'
import { type Answer, described, engine, refusalOf } from './api.ts'
import type { Result } from './command.ts'
import { socketOf } from './where.ts'

/**
 * Runs a command in a container as `docker exec -i` does, without the time that `docker` takes to start; failing is an
 * answer too. `input` becomes its standard input. There is no deadline: the command has to end by itself.
 */
export async function execIn(container: string, command: readonly string[], input = ''): Promise<Result> {
  const wanted = { Cmd: command, AttachStdin: true, AttachStdout: true, AttachStderr: true }
  const made = await engine('POST', `/containers/${container}/exec`, { json: wanted })
  if (made.status !== 201) return refusal(made)
  const { Id }: { readonly Id: string } = JSON.parse(made.body.toString())
  const answer = await conversation(`/exec/${Id}/start`, input)
  if (answer.status !== SWITCHING) return refusal(answer)
  const ended = await described<{ readonly ExitCode: number | null }>(`/exec/${Id}/json`)
  return { exit: ended?.ExitCode ?? 1, ...outputsIn(answer.body) }
}

/** As the `docker` command says it. */
const refusal = (answer: Answer): Result => ({
  exit: 1,
  stdout: '',
  stderr: `Error response from daemon: ${refusalOf(answer)}`,
})

/** The engine's answer if the connection belongs to the command from then on. */
const SWITCHING = 101

/** Starts a command over a connection that then carries its input and its outputs, and gives all of those. */
async function conversation(path: string, input: string): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const { signal } = interruption
  const gather = (status: number, from: NodeJS.ReadableStream, chunks: Buffer[] = []) =>
    from
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .once('end', () => resolve({ status, body: Buffer.concat(chunks) }))
      .once('error', reject)
  request({
    socketPath: socketOf(process.env),
    method: 'POST',
    path,
    headers: { 'content-type': 'application/json', connection: 'Upgrade', upgrade: 'tcp' },
    signal,
  })
    .once('upgrade', (_, socket: Duplex, first: Buffer) => {
      gather(SWITCHING, addAbortSignal(signal, socket), [first])
      socket.end(input)
    })
    .once('response', (answer) => gather(answer.statusCode ?? 0, answer))
    .once('error', reject)
    .end('{}')
  return promise.finally(() => signal.throwIfAborted())
}

const FRAME_HEADER = 8
const STDERR = 2

/** Both outputs come in frames over the same connection: one byte says which, the last four of a header how much. */
export function outputsIn(frames: Buffer): Pick<Result, 'stdout' | 'stderr'> {
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []]
  for (let at = 0; at + FRAME_HEADER <= frames.length; ) {
    const end = at + FRAME_HEADER + frames.readUInt32BE(at + 4)
    const output = frames[at] === STDERR ? stderr : stdout
    output.push(frames.subarray(at + FRAME_HEADER, end))
    at = end
  }
  const text = (chunks: readonly Buffer[]) => Buffer.concat(chunks).toString().trimEnd()
  return { stdout: text(stdout), stderr: text(stderr) }
}
