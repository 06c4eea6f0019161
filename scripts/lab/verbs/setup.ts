import { type Change, ensureMade, ensureRunning, isMade, regainNames } from '../docker/converge.ts'
import { imagesOf, removeSuperseded } from '../docker/images.ts'
import { changing } from '../docker/leftovers.ts'
import { ensureNetwork } from '../docker/network.ts'
import { ABSENT, containersOf, dataVersion, markToBeginAnew, type Parts } from '../docker/nodes.ts'
import { type LabError, labError } from '../errors.ts'
import { untilNodes } from '../faults/waiting.ts'
import { balanced, restartServers } from '../managers/serving.ts'
import { lookAtData } from '../postgres/data.ts'
import { startingOf } from '../rules/starting.ts'
import { rememberPassword } from '../state/pgpass.ts'
import { createSecrets, keepVerifiers, readSecrets, type Secrets, secretsFolder } from '../state/secrets.ts'
import type { Reporter, Step, Tell } from '../steps.ts'
import type { DatabaseNode, Lab, Node, NodeName } from '../topology/topology.ts'
import { peerOf } from '../topology/topology.ts'
import { asPrimary, followAnew, prepareFor, restoreLevel } from './following.ts'
import { buildImages, missingOf } from './images.ts'
import { untilHopeless } from './mendable.ts'
import { preflight } from './preflight.ts'
import { migrate } from './schema.ts'
import { type LabStatus, statusOf } from './status.ts'

export type SetupResult = { readonly status: LabStatus; readonly changes: Readonly<Record<string, Change>> }

/**
 * Brings the lab to five healthy nodes from whatever state it is in, and changes nothing that is already right.
 * Interrupted anywhere, the next run goes on from there.
 */
export const setup = (lab: Lab, reporter: Reporter): Promise<SetupResult> =>
  changing(lab, async () => {
    const { step, together } = reporter
    const images = await imagesOf(lab.settings)
    const missing = await missingOf(images)
    const changes: Record<string, Change> = {}
    const older = () => lab.nodes.filter(({ name }) => changes[name] !== 'made' && changes[name] !== 'started')

    await step('Check the machine', async ({ tell }) => {
      // One that was renamed holds its port, its address and its data.
      await regainNames(tell, lab)
      await preflight(lab, missing.length > 0)
    })
    await buildImages(lab, missing, reporter)
    const parts = await step('Prepare network and passwords', async ({ tell }): Promise<Parts> => {
      const secrets = await ensureSecrets(lab)
      return { images, secrets, network: await ensureNetwork(tell, lab) }
    })
    const madeNow = async (tell: Tell, it: Node) => changes[it.name] ?? ensureMade(tell, lab, it, parts)
    const starting = await step('See what data the databases have', async ({ tell }) => {
      const fresh = await makeMissing(tell, lab, parts)
      for (const { name } of fresh) changes[name] = 'made'
      const found = startingOf(await lookAtData(lab))
      if (found.anew.length > 0) await restartServers(tell, lab)
      // Marked before either starts: one new and one old could not replicate.
      await Promise.all(found.anew.map((it) => markToBeginAnew(tell, it)))
      return found
    })
    const start = (it: Node): Step<void> => ({
      title: it.name,
      work: async ({ tell, retitle }) => {
        const change = await madeNow(tell, it)
        const started = await ensureRunning(tell, lab, it)
        const changed = change !== 'made' && started ? 'started' : change
        changes[it.name] = changed
        const anew = starting.anew.some(({ name }) => name === it.name)
        retitle(`${it.name}: ${changed}${anew ? ', without any votes: there was no data' : ''}`)
      },
    })
    const copy = (it: DatabaseNode): Step<void> => ({
      title: it.name,
      work: async ({ tell, retitle }) => {
        const change = await madeNow(tell, it)
        const source = await copyPeer(tell, lab, it)
        changes[it.name] = change === 'made' ? 'made' : 'started'
        retitle(`${it.name}: had no data, and is a copy of ${source.name}`)
      },
    })
    await together('Start databases', [...[...starting.goOn, ...starting.anew].map(start), ...starting.copy.map(copy)])
    if (starting.refusal !== undefined) throw starting.refusal
    // They accept no calls before their databases are ready, and come up meanwhile.
    await together('Start servers', lab.servers.map(start))
    await step('Wait until both servers answer', async ({ tell, retitle }) => {
      // Data that begins anew has the schema of its image.
      const fromBefore = starting.anew.length < lab.databases.length
      const [, applied] = await Promise.all([healthy(lab, lab.servers, older()), fromBefore ? migrate(tell, lab) : []])
      if (applied.length > 0) retitle(`Both servers answer; ${applied.join(', ')}`)
    })
    await together('Start the balancer', [start(lab.loader)])
    const status = await step('Wait until five nodes are healthy', async ({ tell }) => {
      const seen = await healthy(lab, lab.nodes, older())
      if (Object.values(changes).some((change) => change !== 'unchanged'))
        // What a failover needs takes seconds to compile, once: then it is kept, and the first one is not late.
        await Promise.all([balanced(lab), import('../managers/scripted/failover.ts')])
      await removeSuperseded(tell, images)
      return seen
    })
    return { status, changes }
  })

/** Makes the containers of databases that have none, for only through one can their data be seen; starts nothing. */
async function makeMissing(tell: Tell, lab: Lab, parts: Parts): Promise<readonly DatabaseNode[]> {
  const containers = await containersOf(lab, lab.databases)
  const missing = lab.databases.filter((_, index) => !isMade(containers[index] ?? ABSENT))
  await Promise.all(missing.map((it) => ensureMade(tell, lab, it, parts)))
  return missing
}

/** Gives a database that has no data that of its peer, which is the primary or just coming up as it. */
async function copyPeer(tell: Tell, lab: Lab, node: DatabaseNode): Promise<DatabaseNode> {
  const peer = peerOf(lab, node)
  const primary = await asPrimary(lab, peer)
  await prepareFor(tell, peer, node)
  await followAnew(tell, lab, peer, node, 'copy')
  await restoreLevel(tell, lab, primary)
  return peer
}

async function ensureSecrets(lab: Lab): Promise<Secrets> {
  const kept = await readSecrets(lab)
  const secrets = kept ?? (await newSecrets(lab))
  await keepVerifiers(lab, secrets)
  const port = lab.databases[0]?.publishedPort
  if (port !== undefined) await rememberPassword(port, secrets.owner)
  return secrets
}

async function newSecrets(lab: Lab): Promise<Secrets> {
  for (const node of lab.databases)
    if ((await dataVersion(lab, node)) !== undefined)
      throw labError('SECRETS_LOST', { lab: lab.name, folder: secretsFolder(lab) })
  return createSecrets(lab)
}

/**
 * Waits until those nodes are healthy, a standby streaming among it; two primaries are an error at once.
 * @param older nodes that have been up for longer: only in them may be a fault that hinders, for it ends with the node
 */
export const healthy = (lab: Lab, nodes: readonly Node[], older: readonly Node[]): Promise<LabStatus> => {
  const names = new Set<NodeName>(nodes.map(({ name }) => name))
  const wait = {
    what: `${[...names].join(', ')} to be healthy`,
    seconds: 30,
    // No server answers without its databases.
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
