import { addAbortSignal, type Duplex } from 'node:stream'
import { interruption } from '../interruption.ts'
import { type Answer, described, engine, refusalOf, request } from './api.ts'
import type { Result } from './command.ts'
import { socketOf } from './where.ts'

/** A command that runs in a container: what is written to `stream` is its input; what comes are its outputs, in frames. */
export type Running = { readonly id: string; readonly stream: Duplex; readonly first: Buffer }

/**
 * Starts a command in a container as `docker exec -i` does, without the time that `docker` takes to start. If the engine
 * refuses, it gives what the `docker` command would say.
 */
export async function startIn(container: string, command: readonly string[]): Promise<Running | Result> {
  const wanted = { Cmd: command, AttachStdin: true, AttachStdout: true, AttachStderr: true }
  const made = await engine('POST', `/containers/${container}/exec`, { json: wanted })
  if (made.status !== 201) return refusal(made)
  const { Id: id }: { readonly Id: string } = JSON.parse(made.body.toString())
  const opened = await conversation(`/exec/${id}/start`)
  return 'status' in opened ? refusal(opened) : { id, ...opened }
}

/**
 * Runs a command in a container to its end; failing is an answer too. `input` becomes its standard input. There is no
 * deadline: the command has to end by itself.
 */
export async function execIn(container: string, command: readonly string[], input = ''): Promise<Result> {
  const started = await startIn(container, command)
  if ('exit' in started) return started
  const outputs = await outputsOf(started, input)
  const ended = await described<{ readonly ExitCode: number | null }>(`/exec/${started.id}/json`)
  return { exit: ended?.ExitCode ?? 1, ...outputs }
}

/** As the `docker` command says it. */
const refusal = (answer: Answer): Result => ({
  exit: 1,
  stdout: '',
  stderr: `Error response from daemon: ${refusalOf(answer)}`,
})

/** Starts a command over a connection that then belongs to the command; or the engine's answer if it refuses. */
async function conversation(path: string): Promise<Omit<Running, 'id'> | Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Omit<Running, 'id'> | Answer>()
  const { signal } = interruption
  request({
    socketPath: socketOf(process.env),
    method: 'POST',
    path,
    headers: { 'content-type': 'application/json', connection: 'Upgrade', upgrade: 'tcp' },
    signal,
  })
    .once('upgrade', (_, socket: Duplex, first: Buffer) => {
      resolve({ stream: addAbortSignal(signal, socket), first })
    })
    .once('response', (answer) => {
      const chunks: Buffer[] = []
      answer
        .on('data', (chunk: Buffer) => chunks.push(chunk))
        .once('end', () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }),
        )
        .once('error', reject)
    })
    .once('error', reject)
    .end('{}')
  return promise.finally(() => signal.throwIfAborted())
}

async function outputsOf({ stream, first }: Running, input: string): Promise<Pick<Result, 'stdout' | 'stderr'>> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const heard = { stdout: '', stderr: '' }
  const hear = framesTo((output, text) => {
    heard[output] += text
  })
  hear(first)
  stream
    .on('data', hear)
    .once('end', () => resolve())
    .once('error', reject)
  stream.end(input)
  await promise.finally(() => interruption.signal.throwIfAborted())
  return { stdout: heard.stdout.trimEnd(), stderr: heard.stderr.trimEnd() }
}

const FRAME_HEADER = 8
const STDERR = 2

/**
 * Takes bytes as they come and gives the text of both outputs. They come in frames over one connection: the first byte of a
 * header says which output, the last four how many bytes. A frame, and a letter of several bytes, may come in pieces.
 */
export function framesTo(heard: (output: 'stdout' | 'stderr', text: string) => void): (bytes: Buffer) => void {
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() }
  let left: Buffer = Buffer.alloc(0)
  return (bytes) => {
    left = left.length === 0 ? bytes : Buffer.concat([left, bytes])
    while (left.length >= FRAME_HEADER) {
      const end = FRAME_HEADER + left.readUInt32BE(4)
      if (left.length < end) return
      const output = left[0] === STDERR ? 'stderr' : 'stdout'
      heard(output, decoders[output].decode(left.subarray(FRAME_HEADER, end), { stream: true }))
      left = left.subarray(end)
    }
  }
}
