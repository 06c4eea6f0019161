import { spawn } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { parseRecord } from '../experiment/lines.ts'
import { Call } from '../experiment/record.ts'
import { stateFolder } from '../state/folder.ts'
import { endpointOf, type Lab } from '../topology/topology.ts'
import { until } from '../wait.ts'
import type { TrafficOrder } from './traffic-process.ts'

/** Guests who vote all the time, in a process that outlives the command that started it; it ends by itself after a while. */
export type Traffic = {
  /** Starts it, with votes in this poll; returns when the first one is acknowledged. */
  readonly start: (poll: string, options: readonly string[]) => Promise<void>
  /** Where they are kept, a line each. */
  readonly file: string
  /** Calls that have ended so far, as the guests saw them. */
  readonly calls: () => Promise<readonly Call[]>
  /** After so many minutes the guests leave. */
  readonly minutes: number
}

/** After that many minutes nobody will look at it any more. */
const MOST_MINUTES = 30
const START_SECONDS = 10
const STOP_SECONDS = 10

const fileOf = (lab: Lab): string => join(stateFolder(lab), 'traffic.jsonl')

/** Where it listens: whoever knocks ends it. The kernel forgets the name with the process. */
const doorOf = ({ name }: Lab): string => `\0failover-lab/${name}/traffic`

export function trafficOf(lab: Lab): Traffic {
  const { patience } = lab.settings
  const calls = async () => {
    const file = fileOf(lab)
    const text = await readFile(file, 'utf8').catch(() => '')
    // The last line may be on its way.
    const lines = text.split('\n').slice(0, -1)
    return lines.map((line, index) => parseRecord(file, line, Call, `line ${index + 1}`))
  }
  return {
    file: fileOf(lab),
    calls,
    minutes: MOST_MINUTES,
    async start(poll, options) {
      await endTraffic(lab)
      // The votes of earlier guests would count as the first ones of these.
      await rm(fileOf(lab), { force: true })
      const address = endpointOf(lab, lab.loader) ?? ''
      const order: TrafficOrder = {
        ...{ door: doorOf(lab), file: fileOf(lab), address, patience, poll, options },
        minutes: MOST_MINUTES,
      }
      const process_ = spawn(
        process.execPath,
        [join(import.meta.dirname, 'traffic-process.ts'), JSON.stringify(order)],
        { detached: true, stdio: 'ignore' },
      )
      process_.unref()
      await until('guests to vote', { seconds: START_SECONDS, patience }, async () => {
        const seen = await calls()
        return seen.some(({ outcome }) => outcome === 'ok') ? { done: undefined } : { seen: `${seen.length} calls` }
      })
    },
  }
}

/** Ends the traffic of a lab, if there is any. */
export const endTraffic = (lab: Lab): Promise<void> =>
  until('the guests to leave', { seconds: STOP_SECONDS, patience: lab.settings.patience }, async () =>
    (await knock(doorOf(lab))) ? { seen: 'somebody is there' } : { done: undefined },
  )

const knock = (door: string): Promise<boolean> =>
  new Promise((resolve) => {
    const knocking = connect({ path: door })
    knocking.once('connect', () => {
      knocking.destroy()
      resolve(true)
    })
    knocking.once('error', () => resolve(false))
  })
