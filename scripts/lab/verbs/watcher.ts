import { labError } from '../errors.ts'
import type { WatchEvent } from '../managers/manager.ts'
import type { Lab } from '../topology/topology.ts'
import { until } from '../wait.ts'
import { lastWords, startVerb } from './process.ts'

export type EventOf<Name extends WatchEvent['event']> = Extract<WatchEvent, { event: Name }>

/** A `failover --watch` that runs. */
export type Watcher = {
  /** Waits for the first event of that name after the last one that somebody waited for. */
  readonly next: <Name extends WatchEvent['event']>(
    name: Name,
    fits?: (event: EventOf<Name>) => boolean,
  ) => Promise<EventOf<Name>>
  /** Names of the events that nobody waited for. */
  readonly left: () => readonly string[]
  /** Ends it as Ctrl-C does; gives its exit code. */
  readonly stop: () => Promise<number>
}

/** Starts one on the lab. */
export function startWatcher(lab: Lab, options: readonly string[], said?: (text: string) => void): Watcher {
  const events: WatchEvent[] = []
  const verb = startVerb(lab, 'failover', ['--watch', '--json', ...options], {
    heard: (line) => events.push(JSON.parse(line)),
    ...(said ? { said } : {}),
  })
  let ended: Awaited<typeof verb.ended> | undefined
  verb.ended.then((end) => {
    ended = end
  })
  return {
    next: (name, fits = () => true) => {
      const seen: string[] = []
      return until(`failover --watch to tell ${name}`, { seconds: 30, patience: lab.settings.patience }, async () => {
        for (let event = events.shift(); event !== undefined; event = events.shift()) {
          if (isNamed(event, name) && fits(event)) return { done: event }
          seen.push('why' in event ? `${event.event}: ${event.why}` : event.event)
        }
        if (ended !== undefined) throw labError('WATCH_ENDED', { exit: ended.exit, said: lastWords(ended) })
        return { seen: seen.join(', ') || 'nothing' }
      })
    },
    left: () => events.map(({ event }) => event),
    stop: async () => {
      verb.stop()
      return (await verb.ended).exit
    },
  }
}

const isNamed = <Name extends WatchEvent['event']>(event: WatchEvent, name: Name): event is EventOf<Name> =>
  event.event === name
