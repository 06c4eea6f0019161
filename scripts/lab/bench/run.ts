import { pollingClient } from '../service/client.ts'
import { endpointOf, type Lab, type Node } from '../topology/topology.ts'
import { measureInTurn, type Series, type Side } from './compare.ts'
import { type Generators, type Load, startGenerators } from './load.ts'
import { whereTimeGoes } from './processor-time.ts'
import type { Report, Work } from './work.ts'

export type RunOptions = {
  /** Load generators. */
  readonly clients: number
  readonly rounds: number
  /** Seconds of each measurement that count. */
  readonly seconds: number
}

/** What all measurements of a run share: the lab, the generators, and the record of all calls. */
export type Run = {
  readonly lab: Lab
  readonly options: RunOptions
  readonly balancer: string
  /** host:port of a published node. */
  readonly addressOf: (node: Node) => string
  /** Creates a poll; gives its uuid. */
  readonly newPoll: () => Promise<string>
  readonly load: (load: Omit<Load, 'warmUp' | 'seconds'> & { readonly seconds?: number }) => Promise<Report>
  /** A side that does work on an address with that many callers. */
  readonly side: (name: string, address: string, work: Work, callers: number) => Side
  readonly inTurn: (...sides: readonly Side[]) => Promise<readonly Series[]>
  /** All calls until now, by result, and the acknowledged votes. */
  readonly account: { readonly outcomes: Record<string, number>; votes: number }
}

const WARM_UP_SECONDS = 0.5

/** Does the work with a run on the lab, and stops its generators whatever happens. */
export async function withRun<T>(lab: Lab, options: RunOptions, work: (run: Run) => Promise<T>): Promise<T> {
  const generators = startGenerators(options.clients)
  const client = pollingClient(publishedAt(lab, lab.loader), lab.settings.patience)
  try {
    return await work(makeRun(lab, options, generators, async () => (await client.createPoll('Which?', OPTIONS)).uuid))
  } finally {
    client.close()
    await generators.stop()
  }
}

const OPTIONS = ['a', 'b', 'c', 'd']

function makeRun(lab: Lab, options: RunOptions, generators: Generators, newPoll: Run['newPoll']): Run {
  const account = { outcomes: {} as Record<string, number>, votes: 0 }
  let loads = 0
  const load: Run['load'] = async ({ work, seconds = options.seconds, ...rest }) => {
    loads += 1
    // Every load has its own voters.
    const own = 'voters' in work ? { ...work, voters: `${work.voters}${loads}.` } : work
    const report = await generators.run({ ...rest, work: own, warmUp: WARM_UP_SECONDS, seconds })
    for (const [outcome, count] of Object.entries(report.outcomes))
      account.outcomes[outcome] = (account.outcomes[outcome] ?? 0) + count
    account.votes += report.votes
    return report
  }
  return {
    lab,
    options,
    balancer: publishedAt(lab, lab.loader),
    addressOf: (node) => publishedAt(lab, node),
    newPoll,
    load,
    side: (name, address, work, callers) => ({
      name,
      async measure() {
        const { answers, allAnswers } = await load({ address, work, pace: { callers } })
        return { perSecond: answers / options.seconds, done: allAnswers }
      },
    }),
    inTurn: (...sides) => measureInTurn(sides, options.rounds, (work) => whereTimeGoes(lab, work)),
    account,
  }
}

function publishedAt(lab: Lab, node: Node): string {
  const address = endpointOf(lab, node)
  if (address === null) throw new Error(`${node.name} is not published`)
  return address
}
