import { createServer } from 'node:net'
import { described } from '../docker/api.ts'
import { look } from '../docker/command.ts'
import { dataVersion } from '../docker/creation.ts'
import { containersOf } from '../docker/nodes.ts'
import { $, environment } from '../docker/shell.ts'
import { labError } from '../errors.ts'
import { roundPortOffset } from '../topology/free-ports.ts'
import type { Lab, Node } from '../topology/topology.ts'
import { resourcesOf, shortcoming, type Work } from './machine.ts'

/** Checks for everything that would stop `setup` half-way, before it changes anything. */
export async function preflight(lab: Lab, buildsImages: boolean): Promise<void> {
  const [engine, containers] = await Promise.all([engineInfo(), containersOf(lab)])
  const down = lab.nodes.filter(
    (_, index) => containers[index]?.state !== 'running' && containers[index]?.state !== 'paused',
  )
  await checkMachine(engine, {
    startsAll: down.length === lab.nodes.length,
    more: lab.databases.length - 2,
    buildsImages,
  })
  for (const node of lab.databases) {
    const made = await dataVersion(lab, node)
    if (made !== undefined && made !== lab.settings.postgres)
      throw labError('POSTGRES_CHANGED', { node: node.name, made, asked: lab.settings.postgres })
  }
  await checkBind(lab)
  for (const node of down) await checkPort(lab, node)
}

/** Checks for what would stop the building of images. */
export const preflightOfImages = async (buildsImages: boolean): Promise<void> =>
  checkMachine(await engineInfo(), { startsAll: false, more: 0, buildsImages })

async function checkMachine(engine: EngineInfo, work: Work): Promise<void> {
  const problem = shortcoming(await resourcesOf(engine.Architecture, engine.DockerRootDir), work)
  if (problem !== undefined) throw problem
}

type EngineInfo = { readonly Architecture: string; readonly DockerRootDir: string }

async function engineInfo(): Promise<EngineInfo> {
  const info = await described<EngineInfo>('/info')
  if (info === undefined) throw new Error('an engine without /info')
  return info
}

/** The system's name of the error if nobody can listen there; undefined if it works. */
const whyNot = (port: number, host: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(undefined)))
  })

/** Checks LAB_BIND even if all nodes run: with another address setup makes them again. */
async function checkBind({ settings: { bind } }: Lab): Promise<void> {
  const problem = await whyNot(0, bind)
  if (problem !== undefined) throw unusableBind(bind, problem)
}

const unusableBind = (bind: string, problem: string) =>
  labError('SETTING', {
    setting: 'LAB_BIND',
    problem: `${bind} (${problem})`,
    expected: 'an address of this machine',
  })

async function checkPort(lab: Lab, node: Node): Promise<void> {
  if (node.publishedPort === undefined) return
  const port = node.publishedPort
  const { bind } = lab.settings
  const problem = await whyNot(port, bind)
  if (problem === undefined) return
  if (problem !== 'EADDRINUSE') throw unusableBind(bind, problem)
  const [holder, offset] = await Promise.all([holderOf(port), roundPortOffset()])
  throw labError('PORT_TAKEN', { port, bind, node: node.name, holder, offset })
}

/** Who listens on a port: the name of a container, else a process from `ss`, which shows those of other users to root only. */
async function holderOf(port: number): Promise<string> {
  const container = await look(['ps', '--filter', `publish=${port}`, '--format', '{{.Names}}'])
  if (container !== '') return `the container ${container.split('\n').join(', ')}`
  const listening = await $({ quiet: true, nothrow: true, env: environment() })`ss -Hltnp ${`sport = :${port}`}`
  const [, name, pid] = /users:\(\("([^"]+)",pid=(\d+)/.exec(listening.stdout) ?? []
  return name === undefined
    ? `another user's process (sudo ss -ltnp 'sport = :${port}' shows it)`
    : `${name} (pid ${pid})`
}
