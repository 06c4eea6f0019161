import { Worker } from 'node:worker_threads'
import { labError } from '../../errors.ts'
import { interruption } from '../../interruption.ts'
import { until } from '../../wait.ts'

/** What the load is to do. */
export type LoadOrder = {
  readonly address: string
  readonly patience: number
  /** When the run began, milliseconds since the epoch. */
  readonly origin: number
  readonly voters: number
  readonly readers: number
  /** The file for the history. */
  readonly file: string
  /** Seconds after which it ends by itself. */
  readonly seconds: number
}

/** To the load: tell the first acknowledged vote that began after that moment; or stop. */
export type LoadCommand = { readonly kind: 'tell'; readonly after: number } | { readonly kind: 'stop' }

/** From the load: calls have begun; that vote was acknowledged; all calls have ended. */
export type LoadNews =
  | { readonly kind: 'begun' }
  | { readonly kind: 'acknowledged'; readonly at: number }
  | ({ readonly kind: 'ended' } & LoadEnd)

/** The number of calls of the load, and why it ended early, if it did. */
export type LoadEnd = { readonly calls: number; readonly cut: string | null }

/** A load that runs. */
export type Load = {
  /** Waits for the first acknowledged vote that began after a moment; false if there is none in time. */
  readonly acknowledgedAfter: (moment: number, seconds: number) => Promise<boolean>
  /** Starts no more calls and waits for the answers of the others. Calls without an answer are cancelled. */
  readonly stop: () => Promise<LoadEnd>
  /** Ends it at once. */
  readonly kill: () => Promise<void>
}

/** Seconds, before `patience`, for each wait here. */
const BEGIN_SECONDS = 20
const END_SECONDS = 30

/** Starts the load; returns when calls have begun. */
export async function startLoad(order: LoadOrder): Promise<Load> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: order })
  const { patience } = order
  let begun = false
  let acknowledgedAt: number | undefined
  let ended: LoadEnd | undefined
  let problem: unknown
  worker.on('message', (news: LoadNews) => {
    if (news.kind === 'begun') begun = true
    else if (news.kind === 'acknowledged') acknowledgedAt = news.at
    else ended = news
  })
  worker.on('error', (error) => {
    problem = error
  })
  const tell = (command: LoadCommand) => worker.postMessage(command)
  const wait = (what: string, seconds: number, is: () => boolean) =>
    until(what, { seconds, patience }, async () => {
      if (problem !== undefined) throw labError('LOAD_FAILED', { address: order.address, problem: String(problem) })
      return is() ? { done: true } : { seen: 'not yet' }
    })
  const kill = async () => void (await worker.terminate())
  try {
    await wait('the load to begin', BEGIN_SECONDS, () => begun)
  } catch (error) {
    await kill()
    throw error
  }
  return {
    async acknowledgedAfter(moment, seconds) {
      acknowledgedAt = undefined
      tell({ kind: 'tell', after: moment })
      return wait('a vote to be acknowledged', seconds, () => acknowledgedAt !== undefined).catch((error) => {
        interruption.signal.throwIfAborted()
        if (problem !== undefined) throw error
        return false
      })
    },
    async stop() {
      tell({ kind: 'stop' })
      await wait('the last calls of the load to end', END_SECONDS, () => ended !== undefined)
      return ended ?? { calls: 0, cut: 'it did not end' }
    },
    kill,
  }
}
