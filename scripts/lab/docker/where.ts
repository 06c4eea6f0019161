import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { labError } from '../errors.ts'
import { homeFolder } from '../user.ts'

const DEFAULT_HOST = 'unix:///var/run/docker.sock'

/** Where an engine listens, and what has to be changed to choose another. */
export type Chosen = { readonly host: string; readonly by: 'DOCKER_HOST' | 'DOCKER_CONTEXT' | 'the current context' }

/**
 * The engine that the `docker` command would use: from DOCKER_HOST, else DOCKER_CONTEXT, else the context chosen with
 * `docker context use`. A missing context is an `ENGINE_CONTEXT` error.
 */
export function chosenEngine(environment: NodeJS.ProcessEnv): Chosen {
  const { DOCKER_HOST: host, DOCKER_CONTEXT: given } = environment
  if (host) return { host: normal(host), by: 'DOCKER_HOST' }
  const config = environment['DOCKER_CONFIG'] || join(homeFolder(environment) ?? '/', '.docker')
  const by = given ? 'DOCKER_CONTEXT' : 'the current context'
  const context = given || (textAt(read(join(config, 'config.json')), 'currentContext') ?? '')
  if (context === '' || context === 'default') return { host: DEFAULT_HOST, by }
  const id = createHash('sha256').update(context).digest('hex')
  const meta = read(join(config, 'contexts', 'meta', id, 'meta.json'))
  if (meta === undefined) throw labError('ENGINE_CONTEXT', { context, by, remedy: REMEDIES[by] })
  return { host: normal(textAt(meta, 'Endpoints', 'docker', 'Host') || DEFAULT_HOST), by }
}

const REMEDIES: Readonly<Record<Chosen['by'], string>> = {
  DOCKER_HOST: 'unset DOCKER_HOST',
  DOCKER_CONTEXT: 'unset DOCKER_CONTEXT',
  'the current context': 'docker context use default',
}

/** The socket of the engine that `environment` chooses. An engine on another machine is an `ENGINE_REMOTE` error. */
export function socketOf(environment: NodeJS.ProcessEnv): string {
  const { host, by } = chosenEngine(environment)
  if (!host.startsWith('unix://')) throw labError('ENGINE_REMOTE', { host, by, remedy: REMEDIES[by] })
  return host.slice('unix://'.length)
}

/** The environment for `docker` commands, so that they use the same engine as this process. */
export function engineEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  // The socket of this machine has no TLS, but with these variables the command would use TLS.
  const { DOCKER_CONTEXT: _context, DOCKER_TLS: _tls, DOCKER_TLS_VERIFY: _verify, ...rest } = environment
  return { ...rest, DOCKER_HOST: `unix://${socketOf(environment)}` }
}

/** The full form of an address: `unix://` alone means the usual socket. */
const normal = (host: string): string => (host === 'unix://' ? DEFAULT_HOST : host.trim().replace(/(?<=[^/])\/+$/, ''))

function read(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    // The docker command ignores a file that it cannot read, and so do we.
    return undefined
  }
}

/** The text at the end of those keys, if there is one. */
function textAt(value: unknown, ...keys: readonly string[]): string | undefined {
  const found = keys.reduce<unknown>((at, key) => Object(at)[key], value)
  return typeof found === 'string' ? found : undefined
}
