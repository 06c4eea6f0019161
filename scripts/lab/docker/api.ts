import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { type LabError, labError } from '../errors.ts'
import { interruption } from '../interruption.ts'
import { attempt, failure } from './command.ts'
import { socketOf } from './where.ts'

/** Of node:http, which an `import` would load with all that it offers: its client of WebSockets alone takes 30 ms at each start. */
export const { request } = process.getBuiltinModule('node:http')

/** What the engine answered. */
export type Answer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer }

/** Options of a request; each has a default. */
type Asked = {
  /** An archive to send. */
  readonly body?: Buffer
  /** What to send instead of an archive. */
  readonly json?: object
  /** Whether the part of the answer that has come is enough; asked each time that this part has doubled. */
  readonly enough?: (body: Buffer) => boolean
  /** Seconds that the engine has for its answer. */
  readonly seconds?: number
}

/** Bytes after which `enough` is asked first. */
const FIRST_LOOK = 256 * 1024

/** Seconds that a busy engine may take. An engine that hangs never answers. */
const ANSWERS_WITHIN = 60

type Method = 'GET' | 'HEAD' | 'POST' | 'PUT'

/**
 * Asks the engine over its socket. That takes milliseconds; a `docker` command takes a tenth of a second, mostly to start.
 * For everything that a failover waits for. The user is told the command that does the same.
 */
export async function engine(method: Method, path: string, asked: Asked = {}): Promise<Answer> {
  interruption.signal.throwIfAborted()
  const { seconds = ANSWERS_WITHIN } = asked
  const socketPath = socketOf(process.env)
  const late = AbortSignal.timeout(seconds * 1000)
  try {
    return await exchange(method, socketPath, path, asked, AbortSignal.any([interruption.signal, late]))
  } catch (error) {
    interruption.signal.throwIfAborted()
    if (late.aborted) throw labError('ENGINE_SILENT', { seconds, asked: `${method} ${path}` })
    // The docker command has the best message if the engine cannot be reached.
    const version = ['version']
    const said = await attempt(version)
    throw said.exit === 0 ? error : failure(version, said)
  }
}

async function exchange(
  method: Method,
  socketPath: string,
  path: string,
  { body, json, enough = () => false }: Asked,
  signal: AbortSignal,
): Promise<Answer> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = body ?? (json === undefined ? undefined : Buffer.from(JSON.stringify(json)))
    const type = body === undefined ? 'application/json' : 'application/x-tar'
    const headers = sent === undefined ? {} : { 'content-type': type, 'content-length': sent.length }
    // Without a version, so that engines old and new answer; what is asked for here is the same in all of them.
    request({ socketPath, method, path, headers, signal }, resolve).once('error', reject).end(sent)
  })
  const chunks: Buffer[] = []
  let length = 0
  let next = FIRST_LOOK
  for await (const chunk of answer) {
    chunks.push(chunk)
    length += chunk.length
    if (length < next) continue
    if (enough(Buffer.concat(chunks))) break
    next = 2 * length
  }
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }
}

/** What the engine describes at a path; undefined if there is nothing. */
export async function described<T>(path: string): Promise<T | undefined> {
  const answer = await engine('GET', path)
  if (answer.status === 404) return undefined
  if (answer.status !== 200)
    throw labError('ENGINE_REFUSED', { exit: answer.status, command: `GET ${path}`, stderr: refusalOf(answer) })
  return JSON.parse(answer.body.toString())
}

/** What the engine says when it refuses. */
export const refusalOf = ({ body }: Answer): string => String(JSON.parse(body.toString() || '{}').message ?? body)

/** The error for a refusal, as if the command that does the same had failed. */
export const refused = (command: readonly string[], answer: Answer): LabError =>
  failure(command, { exit: 1, stdout: '', stderr: refusalOf(answer) })
