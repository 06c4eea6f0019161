import { type Change, ensureMade, ensureRunning, isMade, regainNames } from '../docker/converge.ts'
import { dataVersion, type Parts } from '../docker/creation.ts'
import { withItsShape } from '../docker/here.ts'
import { imagesOf, removeSuperseded } from '../docker/images.ts'
import { moving } from '../docker/leftovers.ts'
import { ensureNetwork } from '../docker/network.ts'
import { ABSENT, containersOf } from '../docker/nodes.ts'
import { LabError, labError } from '../errors.ts'
import { untilNodes } from '../faults/waiting.ts'
import { managerOf } from '../managers/manager-of.ts'
import { balanced, restartServers } from '../managers/serving.ts'
import { healthOfStore } from '../managers/stores.ts'
import { lookAtData } from '../postgres/data.ts'
import { type Observer, openObserver } from '../postgres/observer.ts'
import { openSessionWhenUp } from '../postgres/session.ts'
import { freshStart, writeStartNote } from '../postgres/start-note.ts'
import { type Starting, startingOf } from '../rules/starting.ts'
import { rememberPassword } from '../state/pgpass.ts'
import { createSecrets, keepVerifiers, readSecrets, type Secrets, secretsFolder } from '../state/secrets.ts'
import type { Reporter, Step, Tell } from '../steps.ts'
import { type DatabaseNode, type Lab, MANAGERS, type Node, type NodeName, psqlPlaceOf } from '../topology/topology.ts'
import { asManaged, leaveManager } from './change-manager.ts'
import { buildImages, missingOf } from './images.ts'
import { untilHopeless } from './mendable.ts'
import { preflight } from './preflight.ts'
import { migrate } from './schema.ts'
import { health, type LabStatus, statusOf } from './status.ts'
import { dropSurplusSlots, removeSurplus } from './surplus.ts'

export type SetupResult = { readonly status: LabStatus; readonly changes: Readonly<Record<string, Change>> }

/**
 * Brings all nodes of the lab up and healthy, from any state, and changes nothing that is right already. After an interruption
 * the next run goes on.
 */
export const setup = (asked: Lab, reporter: Reporter): Promise<SetupResult> =>
  moving(asked, async () => {
    const lab = await withItsShape(asked)
    const before = await asManaged(lab)
    const { step, together } = reporter
    const images = await imagesOf(lab.settings)
    const missing = await missingOf(images)
    const changes: Record<string, Change> = {}
    const older = () => lab.nodes.filter(({ name }) => changes[name] !== 'made' && changes[name] !== 'started')

    await step('Check the machine', async ({ tell }) => {
      // A renamed container still has the port, the address and the data of its node.
      await regainNames(tell, lab)
      await preflight(lab, missing.length > 0)
    })
    await removeSurplus(before, reporter)
    await buildImages(lab, missing, reporter)
    const parts = await step('Prepare network and passwords', async ({ tell }): Promise<Parts> => {
      const secrets = await ensureSecrets(lab)
      return { images, secrets, network: await ensureNetwork(tell, lab) }
    })
    if (before !== lab) await leaveManager(before, lab.settings.manager, reporter)
    const madeNow = async (tell: Tell, it: Node) => changes[it.name] ?? ensureMade(tell, lab, it, parts)
    const starting = await step('See which data the databases have', async ({ tell }) => {
      const fresh = await makeMissing(tell, lab, parts)
      for (const { name } of fresh) changes[name] = 'made'
      const found = startingOf(await lookAtData(lab), MANAGERS[lab.settings.manager])
      if (found.fresh.length > 0) await restartServers(tell, lab)
      // All are marked before one starts: one with new data and one with old data could not replicate.
      await Promise.all(found.fresh.map((it) => writeStartNote(tell, it, freshStart(lab, it))))
      return found
    })
    const start = (it: Node): Step<void> => ({
      title: it.name,
      work: async ({ tell, retitle }) => {
        const change = await madeNow(tell, it)
        const started = await ensureRunning(tell, lab, it, change === 'made')
        const changed = change !== 'made' && started ? 'started' : change
        changes[it.name] = changed
        const fresh = starting.fresh.some(({ name }) => name === it.name)
        retitle(`${it.name}: ${changed}${fresh ? ', without any votes: there was no data' : ''}`)
      },
    })
    const copy = ({ node, from }: Starting['copy'][number]): Step<void> => ({
      title: node.name,
      work: async ({ tell, retitle }) => {
        const change = await madeNow(tell, node)
        await managerOf(lab).copy(tell, lab, from, node)
        changes[node.name] = change === 'made' ? 'made' : 'started'
        retitle(`${node.name}: had no data, and is a copy of ${from.name}`)
      },
    })
    if (lab.stores.length > 0) {
      await together('Start stores', lab.stores.map(start))
      await step('Wait until the stores agree', () => healthy(lab, lab.stores, older()))
    }
    await together('Start databases', [...[...starting.goOn, ...starting.fresh].map(start), ...starting.copy.map(copy)])
    if (starting.refusal !== undefined) throw starting.refusal
    // Once, when all copies follow: two at a time would change the same row.
    if (starting.copy.length > 0) await managerOf(lab).restoreLevel(lab, reporter)
    // Servers start meanwhile; they accept no calls before their databases are ready.
    await together('Start servers', lab.servers.map(start))
    await step('Wait until both servers answer', async ({ tell, retitle }) => {
      // The prepared data has the present schema.
      const fromBefore = starting.fresh.length < lab.databases.length
      const [, applied] = await Promise.all([healthy(lab, lab.servers, older()), fromBefore ? migrate(tell, lab) : []])
      if (applied.length > 0) retitle(`Both servers answer; ${applied.join(', ')}`)
    })
    await together('Start the balancer', [start(lab.loader)])
    const status = await step('Wait until all nodes are healthy', async ({ tell }) => {
      const seen = await healthy(lab, lab.nodes, older())
      if (Object.values(changes).some((change) => change !== 'unchanged'))
        await Promise.all([balanced(lab), managerOf(lab).prepare()])
      await dropSurplusSlots(tell, lab, seen)
      await removeSuperseded(tell, images)
      return seen
    })
    // The level is a setting of the manager, and another one may have had these data.
    const remade = lab.databases.some((it) => changes[it.name] === 'made' && !starting.fresh.includes(it))
    if (remade) await managerOf(lab).restoreLevel(lab, reporter)
    return { status, changes }
  })

/** Makes the containers of databases that have none, and starts nothing: their data can only be read through a container. */
async function makeMissing(tell: Tell, lab: Lab, parts: Parts): Promise<readonly DatabaseNode[]> {
  const containers = await containersOf(lab, lab.databases)
  const missing = lab.databases.filter((_, index) => !isMade(containers[index] ?? ABSENT))
  await Promise.all(missing.map((it) => ensureMade(tell, lab, it, parts)))
  return missing
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
 * Waits until those nodes are healthy and every standby streams. Two primaries are an error at once.
 * @param older nodes that ran before: only they can have a network fault, because a restart ends such faults
 */
export const healthy = (lab: Lab, nodes: readonly Node[], older: readonly Node[]): Promise<LabStatus> => {
  const names = new Set<NodeName>(nodes.map(({ name }) => name))
  const onlyStores = nodes.every(({ kind }) => kind === 'store')
  const wait = {
    what: `${[...names].join(', ')} to be healthy`,
    seconds: 30,
    // A server does not answer without databases.
    needs: [...new Set<Node>([...(onlyStores ? [] : lab.databases), ...nodes])],
    suspects: older,
  }
  const assertMendable = untilHopeless(lab.settings.patience)
  const observer = openObserver(lab, 0, openSessionWhenUp)
  let closer = performance.now() + CLOSER_LOOK_SECONDS * 1000 * lab.settings.patience
  return untilNodes(lab, wait, async () => {
    const seen = performance.now() < closer ? await silentAmong(lab, nodes, observer) : undefined
    if (seen !== undefined) return seen
    const status = await statusOf(lab, nodes, observer)
    closer = performance.now() + CLOSER_LOOK_SECONDS * 1000 * lab.settings.patience
    if (status.primaries.length > 1) throw splitBrain(status)
    const asked = status.nodes.filter(({ name }) => names.has(name))
    if (asked.every((node) => node.healthy)) return { done: status }
    assertMendable(status)
    return { seen: problems(asked) }
  })
    .catch(async (error) => {
      // The node's last lines say why it ended. If the cause is known, this error also says what repairs it.
      if (error instanceof LabError && error.code === 'NODE_DIED') assertMendable(await statusOf(lab, wait.needs), true)
      throw error
    })
    .finally(observer.end)
}

/** Seconds, before `patience`, from one look at everything to the next, which takes processor time that the nodes need. */
const CLOSER_LOOK_SECONDS = 2

type Silent = { readonly seen: string; readonly cheap: boolean }

/**
 * Which of those nodes do not answer yet; undefined if all do. Those behind come first: a balancer that is asked while the
 * servers are down skips them for a second.
 */
async function silentAmong(lab: Lab, nodes: readonly Node[], observer: Observer): Promise<Silent | undefined> {
  const asked = <N extends Node>(these: readonly N[]) => these.filter((node) => nodes.includes(node))
  const told = ({ name }: Node, answer: string) => (answer === 'SERVING' ? [] : [`${name}: ${answer}`])
  const silent = async (node: Node) => told(node, await health(lab, node))
  const tiers = [
    () => asked(lab.stores).map(async (node) => told(node, await healthOfStore(node))),
    () =>
      asked(lab.databases).map(async (node) => {
        const position = await observer.position(node, 3)
        return 'unreachable' in position ? [`${node.name}: ${position.unreachable}`] : []
      }),
    () => asked(lab.servers).map(silent),
    () => asked([lab.loader]).map(silent),
  ]
  for (const [index, tier] of tiers.entries()) {
    const found = (await Promise.all(tier())).flat()
    // Once the databases answer, it is a matter of milliseconds, and a call costs little.
    if (found.length > 0) return { seen: found.join('; '), cheap: index > 0 }
  }
  return undefined
}

const splitBrain = ({ nodes, primaries }: LabStatus): LabError =>
  labError('SPLIT_BRAIN', {
    seen: primaries
      .map((name) => `${name} on timeline ${nodes.find((node) => node.name === name)?.database?.timeline}`)
      .join(', '),
  })

const problems = (nodes: LabStatus['nodes']): string =>
  nodes.flatMap(({ name, problem }) => (problem === null ? [] : [`${name}: ${problem}`])).join('; ')
