import { readFile, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { $ } from 'zx/core'
import { attempt, failure, look } from '../engine/docker.ts'
import { containersOf, dataVersion } from '../engine/nodes.ts'
import { labError } from '../errors.ts'
import type { Lab, Node } from '../topology.ts'

/** Memory that must be available for five nodes, and disk with and without images to build, in MiB. */
const NEEDED = { memory: 1000, disk: 1000, diskForImages: 3000 }

/** Everything that would stop `setup` half-way, found before it changes anything. */
export async function preflight(lab: Lab, imagesMissing: boolean): Promise<void> {
  await checkEngine(imagesMissing)
  for (const node of lab.databases) {
    const made = await dataVersion(lab, node)
    if (made !== undefined && made !== lab.settings.postgres)
      throw labError('POSTGRES_CHANGED', { node: node.name, made, asked: lab.settings.postgres })
  }
  const containers = await containersOf(lab)
  const down = lab.nodes.filter(
    (_, index) => containers[index]?.state !== 'running' && containers[index]?.state !== 'paused',
  )
  for (const node of down) await checkPort(lab, node)
  if (down.length === lab.nodes.length) await checkMemory()
}

/** What would stop building images: an engine that does not answer, is of a wrong kind, or has no room. */
export async function checkEngine(imagesMissing: boolean): Promise<void> {
  const engine = await engineInfo()
  if (!['x86_64', 'aarch64', 'amd64', 'arm64'].includes(engine.Architecture))
    throw labError('ARCHITECTURE', { architecture: engine.Architecture })
  await checkDisk(engine.DockerRootDir, imagesMissing ? NEEDED.diskForImages : NEEDED.disk)
}

type EngineInfo = {
  readonly Architecture: string
  readonly DockerRootDir: string
  readonly ServerErrors?: readonly string[]
}

async function engineInfo(): Promise<EngineInfo> {
  const command = ['info', '--format', '{{json .}}']
  const asked = await attempt(command)
  if (asked.exit !== 0) throw failure(command, asked)
  const info: EngineInfo = JSON.parse(asked.stdout)
  // Older clients answer without the engine and put the reason here.
  const problem = info.ServerErrors?.[0]
  if (problem !== undefined) throw failure(command, { exit: 1, stdout: '', stderr: problem })
  return info
}

async function checkPort(lab: Lab, node: Node): Promise<void> {
  if (node.publishedPort === undefined) return
  const port = node.publishedPort
  const { bind } = lab.settings
  const problem = await new Promise<string | undefined>((resolve) => {
    const probe = createServer()
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    probe.listen({ port, host: bind, exclusive: true }, () => probe.close(() => resolve(undefined)))
  })
  if (problem === undefined) return
  if (problem !== 'EADDRINUSE')
    throw labError('SETTING', {
      setting: 'LAB_BIND',
      problem: `${bind} (${problem})`,
      expected: 'an address of this machine',
    })
  throw labError('PORT_TAKEN', { port, bind, node: node.name, holder: await holderOf(port) })
}

/** Who listens on a port: a container by name, else a process as `ss` shows it (another user's only to root). */
async function holderOf(port: number): Promise<string> {
  const container = await look(['ps', '--filter', `publish=${port}`, '--format', '{{.Names}}'])
  if (container !== '') return `the container ${container.split('\n').join(', ')}`
  const listening = await $({ quiet: true, nothrow: true })`ss -Hltnp ${`sport = :${port}`}`
  const [, name, pid] = /users:\(\("([^"]+)",pid=(\d+)/.exec(listening.stdout) ?? []
  return name === undefined
    ? `another user's process (sudo ss -ltnp 'sport = :${port}' shows it)`
    : `${name} (pid ${pid})`
}

async function checkMemory(): Promise<void> {
  const [, kibibytes] = /MemAvailable:\s+(\d+) kB/.exec(await readFile('/proc/meminfo', 'utf8')) ?? []
  const available = Math.floor(Number(kibibytes) / 1024)
  if (available < NEEDED.memory) throw labError('MEMORY_LOW', { available, needed: NEEDED.memory })
}

async function checkDisk(folder: string, needed: number): Promise<void> {
  // An engine in another mount namespace has its folder where we cannot look: then this cannot be told.
  const disk = await statfs(folder).catch(() => undefined)
  if (disk === undefined) return
  const available = Math.floor((disk.bavail * disk.bsize) / 2 ** 20)
  if (available < needed) throw labError('DISK_LOW', { available, folder, needed })
}
