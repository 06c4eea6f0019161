import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { WatchEvent } from '../decide/watch-news.ts'
import type { Lab } from '../topology.ts'
import { until } from '../wait.ts'
import { startVerb } from './verb.ts'

export type EventOf<Name extends WatchEvent['event']> = Extract<WatchEvent, { event: Name }>

/** A `failover --watch` at work. */
export type Watcher = {
  /** Waits for the first event of that name since the last one that was waited for. */
  readonly next: <Name extends WatchEvent['event']>(
    name: Name,
    fits?: (event: EventOf<Name>) => boolean,
  ) => Promise<EventOf<Name>>
  /** Names of the events that were not waited for. */
  readonly left: () => readonly string[]
  /** Ends it as Ctrl-C does; gives its exit code. */
  readonly stop: () => Promise<number | null>
}

/** Starts one on the lab. */
export function startWatcher(lab: Lab, ...options: readonly string[]): Watcher {
  const child = startVerb(lab, 'failover', ['--watch', '--json', ...options])
  const ended = once(child, 'close')
  ended.catch(() => {})
  const events: WatchEvent[] = []
  createInterface(child.stdout).on('line', (line) => events.push(JSON.parse(line)))
  return {
    next: (name, fits = () => true) =>
      until(`the watch to tell ${name}`, { seconds: 30, patience: lab.settings.patience }, async () => {
        const seen = events.map(({ event }) => event).join(', ')
        for (let event = events.shift(); event !== undefined; event = events.shift())
          if (isNamed(event, name) && fits(event)) return { done: event }
        return { seen: seen || `nothing more (exit ${child.exitCode})` }
      }),
    left: () => events.map(({ event }) => event),
    stop: async () => {
      child.kill('SIGTERM')
      const [exit] = await ended
      return exit
    },
  }
}

const isNamed = <Name extends WatchEvent['event']>(event: WatchEvent, name: Name): event is EventOf<Name> =>
  event.event === name
