import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { labError } from '../errors.ts'
import { interruption } from '../interruption.ts'
import { homeFolder } from '../user.ts'

const DEFAULT_HOST = 'unix:///var/run/docker.sock'

const Config = z.object({ currentContext: z.string().optional() })
const Meta = z.object({ Endpoints: z.object({ docker: z.object({ Host: z.string().optional() }).optional() }) })

/** Where an engine listens, and what has to be changed to choose another. */
export type Chosen = { readonly host: string; readonly by: 'DOCKER_HOST' | 'DOCKER_CONTEXT' | 'the current context' }

/**
 * The engine that the `docker` command would use: by DOCKER_HOST, else DOCKER_CONTEXT, else the context chosen with
 * `docker context use`. A context that is not there is an `ENGINE_CONTEXT` error.
 */
export function chosenEngine(environment: NodeJS.ProcessEnv): Chosen {
  const { DOCKER_HOST: host, DOCKER_CONTEXT: given } = environment
  if (host) return { host: normal(host), by: 'DOCKER_HOST' }
  const config = environment['DOCKER_CONFIG'] || join(homeFolder(environment) ?? '/', '.docker')
  const by = given ? 'DOCKER_CONTEXT' : 'the current context'
  const context = given || (read(join(config, 'config.json'), Config)?.currentContext ?? '')
  if (context === '' || context === 'default') return { host: DEFAULT_HOST, by }
  const id = createHash('sha256').update(context).digest('hex')
  const meta = read(join(config, 'contexts', 'meta', id, 'meta.json'), Meta)
  if (meta === undefined) throw labError('ENGINE_CONTEXT', { context, by, remedy: REMEDIES[by] })
  return { host: normal(meta.Endpoints.docker?.Host || DEFAULT_HOST), by }
}

const REMEDIES: Readonly<Record<Chosen['by'], string>> = {
  DOCKER_HOST: 'unset DOCKER_HOST',
  DOCKER_CONTEXT: 'unset DOCKER_CONTEXT',
  'the current context': 'docker context use default',
}

/** The socket of the engine that `environment` chooses; one of another machine is an `ENGINE_REMOTE` error. */
export function socketOf(environment: NodeJS.ProcessEnv): string {
  const { host, by } = chosenEngine(environment)
  if (!host.startsWith('unix://')) throw labError('ENGINE_REMOTE', { host, by, remedy: REMEDIES[by] })
  return host.slice('unix://'.length)
}

/** The environment for `docker` commands, which makes them ask the very engine that we ask. */
export function engineEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  // Over a socket of this machine there is no TLS, and with these the command would speak it.
  const { DOCKER_CONTEXT: _context, DOCKER_TLS: _tls, DOCKER_TLS_VERIFY: _verify, ...rest } = environment
  return { ...rest, DOCKER_HOST: `unix://${socketOf(environment)}` }
}

/**
 * How a `docker` command is started: on that engine, ended by an interruption. In a group of its own, because the
 * terminal's Ctrl-C is for us, who may have something to put back with it.
 */
export const asksOurEngine = () =>
  ({ env: engineEnvironment(process.env), signal: interruption.signal, detached: true }) as const

/** As it is written with the fewest characters: `unix://` alone means the usual socket. */
const normal = (host: string): string => (host === 'unix://' ? DEFAULT_HOST : host.trim().replace(/(?<=[^/])\/+$/, ''))

function read<T>(file: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    // The docker command goes on without a file that it cannot read, and so do we.
    return undefined
  }
}
