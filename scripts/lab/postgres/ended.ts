import { typed } from '../docker/command.ts'
import { type Container, lastLines } from '../docker/nodes.ts'
import { fileOf } from '../docker/volume.ts'
import { type LabError, labError } from '../errors.ts'
import { type DatabaseNode, type Lab, type Node, othersOf } from '../topology/topology.ts'
import { observe } from './observe.ts'
import { type Hindrance, OWN_FILES, type OwnFiles, settingThatHides, settingThatStops } from './own-settings.ts'

/** Seconds after a restart from which on the engine counts a container as one that stays up. */
const STAYS_UP = 10

/** Whether waiting for a container cannot help: it is down, or the engine starts it again and again. */
export function endOf({ state, restarts, startedAt = '', finishedAt = '' }: Container): 'down' | 'dying' | undefined {
  if (state === 'restarting') {
    const ran = (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000
    return restarts >= 3 && !(ran > STAYS_UP) ? 'dying' : undefined
  }
  return state === 'running' ? undefined : 'down'
}

/** The error for a node that has ended, with a fix that fits what it logged. */
export async function endedError(lab: Lab, node: Node, container: Container): Promise<LabError> {
  if (endOf(container) === 'down') return labError('NODE_DOWN', { node: node.name, state: container.state })
  const log = await lastLines(node, 20)
  if (/is fenced: a failover left it behind/.test(log)) return labError('FENCED', { node: node.name })
  const stopped = isDatabase(node) ? settingThatStops(log, await ownFiles(node)) : undefined
  if (stopped !== undefined) return settingError(node, container, stopped)
  const advice = isDatabase(node)
    ? adviceFor(node, await rolesOf(lab, othersOf(lab, node)))
    : `docker logs ${node.container} says more; no data is kept in it, so it can be made again: \`docker rm -f ${node.container}\`, then zx scripts/setup.ts`
  return labError('NODE_DIED', { node: node.name, log: log.split('\n').slice(-8).join('\n'), advice })
}

/** The error for a database that one of its own settings keeps from working; undefined if none does. */
export async function hinderedError(
  node: DatabaseNode,
  container: Container,
  silent: string | undefined,
): Promise<LabError | undefined> {
  const found = await hindranceOf(node, container, silent)
  return found && settingError(node, container, found)
}

/** The setting that keeps a database from starting or from being reached. `silent`: what happened when it was asked. */
export async function hindranceOf(
  node: Node,
  { restarts }: Container,
  silent: string | undefined,
): Promise<Hindrance | undefined> {
  if (!isDatabase(node)) return undefined
  const files = await ownFiles(node)
  // A container that is started again and again runs for moments.
  const stopped = restarts > 0 && silent !== undefined ? settingThatStops(await lastLines(node, 20), files) : undefined
  return stopped ?? settingThatHides(files, silent)
}

/** What brings back a database that does not come up by itself, perhaps because its data is damaged. */
function adviceFor({ container }: DatabaseNode, others: readonly Other[]): string {
  const log = `docker logs ${container} says more`
  const primary = others.find(({ role }) => role === 'primary')
  if (primary !== undefined)
    return `${log}; zx scripts/rejoin.ts brings it back as a standby of ${primary.name}, with a fresh copy if need be`
  const standby = others.find(({ role }) => role === 'standby')
  if (standby !== undefined)
    return `${log}; zx scripts/failover.ts goes on with ${standby.name}, then zx scripts/rejoin.ts brings this one back`
  const names = others.map(({ name }) => name).join(' or ')
  return `${log}; bring ${names} up, then zx scripts/rejoin.ts; only if none comes up: zx scripts/reset.ts (it deletes all votes)`
}

type Other = { readonly name: string; readonly role: 'primary' | 'standby' | 'silent' }

const rolesOf = (lab: Lab, nodes: readonly DatabaseNode[]): Promise<readonly Other[]> =>
  Promise.all(
    nodes.map(async (node) => {
      const seen = await observe(lab, node)
      return { name: node.name, role: 'unreachable' in seen ? 'silent' : seen.inRecovery ? 'standby' : 'primary' }
    }),
  )

function settingError(node: Node, { image }: Container, { setting, said, sed, files }: Hindrance): LabError {
  const paths = files.map((file) => `/var/lib/postgresql/data/${file}`)
  const edit = ['run', '--rm', '--network', 'none', '--volumes-from', node.container, image, 'sed', '-i', sed, ...paths]
  const command = `\`docker ${edit.map(typed).join(' ')}\`, then \`docker restart ${node.container}\``
  return labError('SETTING_HINDERS', { node: node.name, setting, said, command })
}

async function ownFiles(node: DatabaseNode): Promise<OwnFiles> {
  const found = await Promise.all(OWN_FILES.map((file) => fileOf(node, `data/${file}`)))
  return Object.fromEntries(found.map((it, nth) => [OWN_FILES[nth], 'problem' in it ? '' : it.bytes.toString()]))
}

const isDatabase = (node: Node): node is DatabaseNode => node.kind === 'database'
