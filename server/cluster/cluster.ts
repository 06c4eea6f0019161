import type { Log } from '../log.ts'
import type { Settings } from '../settings.ts'
import { type Database, makeDatabase } from './pool.ts'
import { makeProbe } from './probe.ts'
import { type ClusterView, makeView } from './view.ts'

/** The databases and what is known about them. */
export type Cluster = {
  view: ClusterView
  /** The database that takes writes, if one is known. */
  writable(): Database | undefined
  /** The database to read from: the local one while it answers. */
  readable(): Database | undefined
  databases: readonly Database[]
  stop(): Promise<void>
}

/** Wires a pool and a probe to each database of the settings. Nothing connects before `view.start()`. */
export function makeCluster(settings: Settings, log: Log): Cluster {
  const identity = { ...settings.service, database: settings.databaseName }
  const databases = new Map<string, Database>()
  const probes = new Map<string, ReturnType<typeof makeProbe>>()
  for (const address of settings.databases) {
    const application = `polling ${settings.nodeName}`
    databases.set(
      address.name,
      makeDatabase({
        address,
        identity: { ...identity, application },
        size: settings.poolSize,
        queue: settings.poolQueue,
        patience: settings.patience,
        log,
      }),
    )
    probes.set(
      address.name,
      makeProbe(address, { ...identity, application: `${application} probe` }, settings.patience),
    )
  }
  const view = makeView(probes, settings.localDatabase, log, settings.patience)
  const named = (name: string | undefined) => (name === undefined ? undefined : databases.get(name))

  view.onChange(({ writable, previousWritable, previousReadable }) => {
    // Queries that still run there would hang, or a primary that was left behind would acknowledge them.
    if (previousWritable !== writable) named(previousWritable)?.reset(`writes moved away from ${previousWritable}`)
    const left = view.sightings().find(({ name }) => name === previousReadable)
    if (left && !left.reachable) named(left.name)?.reset(`${left.name} is unreachable`)
  })

  return {
    view,
    writable: () => named(view.writable()),
    readable: () => named(view.readable()),
    databases: [...databases.values()],
    async stop() {
      await view.stop()
      await Promise.all([...databases.values()].map((database) => database.close()))
    },
  }
}
