import { spawn } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { parseRecord } from '../lines.ts'
import { Call } from '../service/load/history.ts'
import { stateFolder } from '../state/folder.ts'
import { endpointOf, type Lab } from '../topology/topology.ts'
import { until } from '../wait.ts'
import type { TrafficOrder } from './traffic-process.ts'

/** Guests who vote all the time. Their process outlives the command that started it, and ends by itself after a while. */
export type Traffic = {
  /** Starts guests who vote in this poll; returns when the first vote is acknowledged. */
  readonly start: (poll: string, options: readonly string[]) => Promise<void>
  /** The file with their calls, one on each line. */
  readonly file: string
  /** Calls that have ended until now, as the guests saw them. */
  readonly calls: () => Promise<readonly Call[]>
  /** Minutes after which the guests leave. */
  readonly minutes: number
}

/** Minutes after which nobody looks at the file any more. */
const MOST_MINUTES = 30
const START_SECONDS = 10
const STOP_SECONDS = 10

const fileOf = (lab: Lab): string => join(stateFolder(lab), 'traffic.jsonl')

/** The socket where it listens: a connection ends it. When the process ends, the kernel removes the name. */
const doorOf = ({ name }: Lab): string => `\0failover-lab/${name}/traffic`

export function trafficOf(lab: Lab): Traffic {
  const { patience } = lab.settings
  const calls = async () => {
    const file = fileOf(lab)
    const text = await readFile(file, 'utf8').catch(() => '')
    // The last line may be incomplete.
    const lines = text.split('\n').slice(0, -1)
    return lines.map((line, index) => parseRecord(file, line, Call, `line ${index + 1}`))
  }
  return {
    file: fileOf(lab),
    calls,
    minutes: MOST_MINUTES,
    async start(poll, options) {
      await endTraffic(lab)
      // Otherwise votes of earlier guests would count as the first votes of these guests.
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
    (await knock(doorOf(lab))) ? { seen: 'they are still there' } : { done: undefined },
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
