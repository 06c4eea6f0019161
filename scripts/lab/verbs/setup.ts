import type { ListrTask } from 'listr2'
import { type Change, ensureMade, ensureRunning, isMade, regainNames } from '../docker/converge.ts'
import type { Tell } from '../docker/docker.ts'
import { imagesOf, removeSuperseded } from '../docker/images.ts'
import { changing } from '../docker/leftovers.ts'
import { ensureNetwork } from '../docker/network.ts'
import { ABSENT, containersOf, dataVersion, markToStartFresh, type Parts } from '../docker/nodes.ts'
import { LabError, labError } from '../errors.ts'
import { untilNodes } from '../faults/waiting.ts'
import { balanced, restartServers } from '../managers/serving.ts'
import { lookAtData } from '../postgres/data.ts'
import { peerOf } from '../postgres/sights.ts'
import { type Starting, startingOf } from '../rules/starting.ts'
import { rememberPassword } from '../state/pgpass.ts'
import { createSecrets, keepVerifiers, readSecrets, type Secrets, secretsFolder } from '../state/secrets.ts'
import { showing, steps, tellOf } from '../terminal/steps.ts'
import { type DatabaseNode, type Lab, type Node, type NodeName, psqlPlaceOf } from '../topology/topology.ts'
import { asPrimary, followNewPrimary, prepareFor, restoreLevel } from './following.ts'
import { buildImages, missingOf } from './images.ts'
import { untilHopeless } from './mendable.ts'
import { preflight } from './preflight.ts'
import { migrate } from './schema.ts'
import { type LabStatus, statusOf } from './status.ts'

export type SetupResult = { readonly status: LabStatus; readonly changes: Readonly<Record<string, Change>> }

/**
 * Brings the lab to five healthy nodes from any state, and changes nothing that is right already. After an interruption
 * the next run goes on.
 */
export const setup = (lab: Lab): Promise<SetupResult> =>
  changing(lab, async () => {
    const images = await imagesOf(lab.settings)
    const missing = await missingOf(images)
    const changes: Record<string, Change> = {}
    let parts: Parts | undefined
    let starting: Starting | undefined
    let status: LabStatus | undefined
    const decided = (): Starting => {
      if (starting === undefined) throw new Error('databases before what they have is known')
      return starting
    }
    const made = (): Parts => {
      if (parts === undefined) throw new Error('a node before its parts')
      return parts
    }
    const older = () => lab.nodes.filter(({ name }) => changes[name] !== 'made' && changes[name] !== 'started')
    const madeNow = async (tell: Tell, it: Node) => changes[it.name] ?? ensureMade(tell, lab, it, made())
    const node = (it: Node): ListrTask => ({
      title: it.name,
      task: async (_, task) => {
        const change = await madeNow(tellOf(task), it)
        const started = await ensureRunning(tellOf(task), lab, it)
        changes[it.name] = change !== 'made' && started ? 'started' : change
        const fresh = starting?.fresh.some(({ name }) => name === it.name)
        task.title = `${it.name}: ${changes[it.name]}${fresh ? ', without any votes: there was no data' : ''}`
      },
    })
    const copied = (it: DatabaseNode): ListrTask => ({
      title: it.name,
      task: async (_, task) => {
        const change = await madeNow(tellOf(task), it)
        const source = await copyPeer(tellOf(task), lab, it)
        changes[it.name] = change === 'made' ? 'made' : 'started'
        task.title = `${it.name}: had no data, and is a copy of ${source.name}`
      },
    })
    const together = { concurrent: true }

    await steps([
      {
        title: 'Check the machine',
        task: async (_, task) => {
          // A renamed container still has the port, the address and the data of its node.
          await regainNames(tellOf(task), lab)
          await preflight(lab, missing.length > 0)
        },
      },
      buildImages(lab, missing),
      {
        title: 'Prepare network and passwords',
        task: async (_, task) => {
          const secrets = await ensureSecrets(lab)
          parts = { images, secrets, network: await ensureNetwork(tellOf(task), lab) }
        },
      },
      {
        title: 'See which data the databases have',
        task: async (_, task) => {
          const fresh = await makeMissing(tellOf(task), lab, made())
          for (const { name } of fresh) changes[name] = 'made'
          starting = startingOf(await lookAtData(lab))
          if (starting.fresh.length > 0) await restartServers(tellOf(task), lab)
          // Both are marked before either starts: one with new data and one with old data could not replicate.
          await Promise.all(starting.fresh.map((it) => markToStartFresh(tellOf(task), it)))
        },
      },
      {
        title: 'Start databases',
        task: (_, task) => {
          const { goOn, fresh, copy } = decided()
          return task.newListr([...[...goOn, ...fresh].map(node), ...copy.map(copied)].map(showing), together)
        },
      },
      {
        title: 'Start the other database',
        enabled: () => starting?.refusal !== undefined,
        task: () => {
          throw decided().refusal
        },
      },
      // Servers start meanwhile; they accept no calls before their databases are ready.
      { title: 'Start servers', task: (_, task) => task.newListr(lab.servers.map(node).map(showing), together) },
      {
        title: 'Wait until both servers answer',
        task: async (_, task) => {
          // The prepared data has the present schema.
          const fromBefore = decided().fresh.length < lab.databases.length
          const [, applied] = await Promise.all([
            healthy(lab, lab.servers, older()),
            fromBefore ? migrate(tellOf(task), lab) : [],
          ])
          if (applied.length > 0) task.title = `Both servers answer; ${applied.join(', ')}`
        },
      },
      { title: 'Start the balancer', task: (_, task) => task.newListr([showing(node(lab.loader))], together) },
      {
        title: 'Wait until five nodes are healthy',
        task: async (_, task) => {
          status = await healthy(lab, lab.nodes, older())
          if (Object.values(changes).some((change) => change !== 'unchanged'))
            // Compile the modules of a failover now, once, which takes seconds: so the first failover is not late.
            await Promise.all([balanced(lab), import('../managers/scripted/failover.ts')])
          await removeSuperseded(tellOf(task), images)
        },
      },
    ])
    if (status === undefined) throw new Error('set up without a status')
    return { status, changes }
  })

/** Makes the containers of databases that have none, and starts nothing: their data can only be read through a container. */
async function makeMissing(tell: Tell, lab: Lab, parts: Parts): Promise<readonly DatabaseNode[]> {
  const containers = await containersOf(lab, lab.databases)
  const missing = lab.databases.filter((_, index) => !isMade(containers[index] ?? ABSENT))
  await Promise.all(missing.map((it) => ensureMade(tell, lab, it, parts)))
  return missing
}

/** Copies the data of the peer to a database without data. The peer is the primary, or is starting as the primary. */
async function copyPeer(tell: Tell, lab: Lab, node: DatabaseNode): Promise<DatabaseNode> {
  const peer = peerOf(lab, node)
  const primary = await asPrimary(lab, peer)
  await prepareFor(tell, peer, node)
  await followNewPrimary(tell, lab, peer, node, 'copy')
  await restoreLevel(tell, lab, primary)
  return peer
}

async function ensureSecrets(lab: Lab): Promise<Secrets> {
  const kept = await readSecrets(lab)
  const secrets = kept ?? (await newSecrets(lab))
  await keepVerifiers(lab, secrets)
  await rememberPassword(psqlPlaceOf(lab), secrets.owner)
  return secrets
}

async function newSecrets(lab: Lab): Promise<Secrets> {
  for (const node of lab.databases)
    if ((await dataVersion(lab, node)) !== undefined)
      throw labError('SECRETS_LOST', { lab: lab.name, folder: secretsFolder(lab) })
  return createSecrets(lab)
}

/**
 * Waits until those nodes are healthy and the standby streams. Two primaries are an error at once.
 * @param older nodes that ran before: only they can have a network fault, because a restart ends such faults
 */
export const healthy = (lab: Lab, nodes: readonly Node[], older: readonly Node[]): Promise<LabStatus> => {
  const names = new Set<NodeName>(nodes.map(({ name }) => name))
  const wait = {
    what: `${[...names].join(', ')} to be healthy`,
    seconds: 30,
    // A server does not answer without databases.
    needs: [...new Set<Node>([...lab.databases, ...nodes])],
    suspects: older,
  }
  const assertMendable = untilHopeless(lab.settings.patience)
  return untilNodes(lab, wait, async () => {
    const status = await statusOf(lab, nodes)
    if (status.primaries.length > 1) throw splitBrain(status)
    const asked = status.nodes.filter(({ name }) => names.has(name))
    if (asked.every((node) => node.healthy)) return { done: status }
    assertMendable(status)
    return { seen: problems(asked) }
  }).catch(async (error) => {
    // Its last words say why, but not what mends that, where it is known.
    if (error instanceof LabError && error.code === 'NODE_DIED') assertMendable(await statusOf(lab, nodes), true)
    throw error
  })
}

const splitBrain = ({ nodes, primaries }: LabStatus): LabError =>
  labError('SPLIT_BRAIN', {
    seen: nodes
      .filter(({ name }) => primaries.includes(name))
      .map(({ name, database }) => `${name} on timeline ${database?.timeline}`)
      .join(', '),
  })

const problems = (nodes: LabStatus['nodes']): string =>
  nodes.flatMap(({ name, problem }) => (problem === null ? [] : [`${name}: ${problem}`])).join('; ')
