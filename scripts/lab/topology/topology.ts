import { labError } from '../errors.ts'
import { type ManagerName, PORTS, type Settings, UNNAMED } from '../settings.ts'
import { repeated } from '../visible.ts'

/** Passwords: of the database's roles; of `root` in the stores; of Patroni in the stores; of Patroni's own interface. */
export type Secret = 'owner' | 'service' | 'replicator' | 'monitor' | 'etcd' | 'patroni' | 'rest'

type Common = {
  /** Port inside the network. */
  readonly port: number
  /** Last number of the node's fixed address: Nginx looks its servers up once, so they must not move. */
  readonly host: number
  readonly memoryMiB: number
  /** User inside the container, who alone may read the node's secrets. */
  readonly uid: number
  readonly secrets: readonly Secret[]
  /** Folders in memory. Everything else outside its volumes is read-only. */
  readonly scratch: readonly { readonly folder: string; readonly mebibytes: number }[]
  /** Seconds between SIGTERM (or the image's own stop signal) and SIGKILL. */
  readonly graceSeconds: number
}
/** A database, in a table whose databases have those names. */
type DatabaseAmong<Names> = Common & {
  readonly kind: 'database'
  /** The database that it follows when it starts without data; null: it starts as the primary. */
  readonly upstream: Names | null
  /** Whether the lab's manager starts its PostgreSQL. */
  readonly managed: boolean
  /** What it may do in the repository of backups, which all databases share. */
  readonly backups: 'write' | 'read'
}
export type DatabaseRow = DatabaseAmong<DatabaseName>
export type StoreRow = Common & { readonly kind: 'store' }
export type ServerRow = Common & { readonly kind: 'server'; readonly database: DatabaseName }
export type LoaderRow = Common & { readonly kind: 'loader' }

const database = {
  kind: 'database',
  port: 5432,
  memoryMiB: 640,
  uid: 999,
  secrets: ['replicator', 'monitor'],
  scratch: [
    { folder: '/tmp', mebibytes: 64 },
    { folder: '/run/postgresql', mebibytes: 1 },
    { folder: '/run/failover-lab', mebibytes: 1 },
  ],
  graceSeconds: 30,
  managed: true,
  // Any of them can be the primary, which archives its WAL.
  backups: 'write',
} as const
const server = {
  kind: 'server',
  memoryMiB: 384,
  uid: 998,
  secrets: ['service'],
  scratch: [{ folder: '/tmp', mebibytes: 16 }],
  graceSeconds: 10,
} as const

// A lab has the first of them, and as many more as LAB_STANDBYS says.
const DATABASES = {
  'db-primary': { ...database, host: 10, upstream: null },
  'db-replica': { ...database, host: 11, upstream: 'db-primary' },
  'db-replica-2': { ...database, host: 12, upstream: 'db-primary' },
  'db-replica-3': { ...database, host: 13, upstream: 'db-primary' },
} as const satisfies Readonly<Record<string, DatabaseAmong<string>>>

const SERVERS = {
  primary: { ...server, host: 20, port: 50051, database: 'db-primary' },
  backup: { ...server, host: 21, port: 50052, database: 'db-replica' },
} as const satisfies Readonly<Record<string, ServerRow>>

/** What keeps who the leader is, for a manager that asks for that. Two of the three have to agree. */
const store = {
  kind: 'store',
  port: 2379,
  memoryMiB: 192,
  uid: 997,
  secrets: ['etcd', 'patroni'],
  scratch: [{ folder: '/tmp', mebibytes: 16 }],
  graceSeconds: 10,
} as const
const STORES = {
  'etcd-1': { ...store, host: 40 },
  'etcd-2': { ...store, host: 41 },
  'etcd-3': { ...store, host: 42 },
} as const satisfies Readonly<Record<string, StoreRow>>

/** The name of the databases in the stores. */
export const SCOPE = 'lab'

/**
 * What each manager needs: stores or none, more passwords in each database, and the image that a database runs. `rejoins`: it
 * brings a database that was left behind back by itself, so that one may start at any time. `inContainer`: it is a process of its own
 * in the container of each database.
 */
export const MANAGERS = {
  /** The lab's own verbs. */
  scripted: { stores: [], secrets: [], image: 'postgres', rejoins: false, inContainer: false },
  patroni: {
    stores: Object.keys(STORES) as readonly StoreName[],
    secrets: ['patroni', 'rest'],
    image: 'patroni',
    rejoins: true,
    inContainer: true,
  },
} as const satisfies Readonly<
  Record<
    ManagerName,
    { stores: readonly string[]; secrets: readonly Secret[]; image: string; rejoins: boolean; inContainer: boolean }
  >
>

export const MANAGER_NAMES = Object.keys(MANAGERS) as [ManagerName, ...ManagerName[]]

/** A database that a restore puts beside the lab. It serves nobody, and no failover counts it. */
const BESIDE = {
  'db-restored': { ...database, host: 14, upstream: null, managed: false, backups: 'read' },
} as const satisfies Readonly<Record<string, DatabaseAmong<string>>>

export type DatabaseName = keyof typeof DATABASES
export type ServerName = keyof typeof SERVERS
export type StoreName = keyof typeof STORES
export type RestoredName = keyof typeof BESIDE
export type NodeName = DatabaseName | ServerName | StoreName | 'loader'

/** The nodes. A name belongs to the machine, not to the role that it has at the moment. */
export const TOPOLOGY: { readonly [name in DatabaseName]: DatabaseRow } & {
  readonly [name in ServerName]: ServerRow
} & { readonly [name in StoreName]: StoreRow } & { readonly loader: LoaderRow } = {
  ...DATABASES,
  ...STORES,
  ...SERVERS,
  loader: {
    kind: 'loader',
    host: 30,
    port: 8080,
    memoryMiB: 192,
    uid: 33,
    secrets: [],
    scratch: [{ folder: '/tmp', mebibytes: 16 }],
    graceSeconds: 10,
  },
}

type Named<Row, Name> = Row & {
  readonly name: Name
  readonly container: string
  /** Port on the machine's own address, for a published node. */
  readonly publishedPort: number | undefined
  /** Volume with its data, for a database or a store. */
  readonly volume: string | undefined
  /** Volume with its secrets, for a node that has some. */
  readonly secretsVolume: string | undefined
}
type Row = DatabaseRow | StoreRow | ServerRow | LoaderRow
export type Node = Named<Row, NodeName>
export type DatabaseNode = Named<DatabaseRow, DatabaseName>
export type StoreNode = Named<StoreRow, StoreName>
export type ServerNode = Named<ServerRow, ServerName>
export type RestoredNode = Named<DatabaseRow, RestoredName>
/** A node of a lab, or the one beside it. */
export type AnyNode = Named<Row, NodeName | RestoredName>
export type AnyDatabase = DatabaseNode | RestoredNode

export const DATABASE_NAMES = Object.keys(DATABASES) as readonly DatabaseName[]
const SERVER_NAMES = Object.keys(SERVERS) as readonly ServerName[]

export const NODE_NAMES = Object.keys(TOPOLOGY) as readonly NodeName[]

/** One lab: the topology under the names and ports that its settings give it. */
export type Lab = {
  /** `default`, or what `LAB_NAME` says. */
  readonly name: string
  readonly network: string
  readonly settings: Settings
  readonly nodes: readonly Node[]
  readonly databases: readonly DatabaseNode[]
  /** None, if its manager needs none. */
  readonly stores: readonly StoreNode[]
  readonly servers: readonly ServerNode[]
  readonly loader: Node
  /** The database that a restore puts beside the lab. It is none of its nodes. */
  readonly restored: RestoredNode
  /** The volume with the repository of backups. */
  readonly backupsVolume: string
}

/** The lab that `settings` describe. */
export function labOf(settings: Settings): Lab {
  const prefix = settings.name === '' ? '' : `${settings.name}-`
  const at = <T extends Row, N extends NodeName | RestoredName>(name: N, row: T) => {
    const published = PORTS[name]
    return {
      ...row,
      name,
      container: `${prefix}${name}`,
      publishedPort: published === undefined ? undefined : published + settings.portOffset,
      volume: row.kind === 'database' || row.kind === 'store' ? `${prefix}${name}-data` : undefined,
      secretsVolume: row.secrets.length > 0 ? `${prefix}${name}-secrets` : undefined,
    }
  }
  const { stores: storeNames, secrets } = MANAGERS[settings.manager]
  const managed = (row: DatabaseRow): DatabaseRow => ({ ...row, secrets: [...row.secrets, ...secrets] })
  const databases = DATABASE_NAMES.slice(0, 1 + settings.standbys).map((name) => at(name, managed(TOPOLOGY[name])))
  const stores = storeNames.map((name) => at(name, TOPOLOGY[name]))
  const servers = SERVER_NAMES.map((name) => at(name, TOPOLOGY[name]))
  const loader = at('loader', TOPOLOGY.loader)
  return {
    name: settings.name === '' ? UNNAMED : settings.name,
    network: `${prefix}voting-net`,
    settings,
    nodes: [...databases, ...stores, ...servers, loader],
    databases,
    stores,
    servers,
    loader,
    restored: at('db-restored', BESIDE['db-restored']),
    backupsVolume: `${prefix}backups`,
  }
}

/** Names by which users of this machine reach what the lab publishes, the one to type first. */
const hostsOf = ({ settings: { bind } }: Lab): readonly [string, ...string[]] =>
  bind === '127.0.0.1' || bind === '0.0.0.0' ? ['localhost', '127.0.0.1'] : [bind]

/** Host and port that users of this machine reach a published node at. */
export const endpointOf = (lab: Lab, node: Node): string | null =>
  node.publishedPort === undefined ? null : `${hostsOf(lab).at(-1)}:${node.publishedPort}`

/** What of the settings a lab is made of: with another number of databases or another manager it is another lab. */
export type Shape = Pick<Settings, 'standbys' | 'manager'>

/** The settings that can be read off a lab that runs: where it is reached, and what it is made of. */
export type Place = Pick<Settings, 'portOffset' | 'bind'> & Shape

/** The settings of one place that differ from those of another, as they are put in front of a command. */
export const placeText = (place: Place, other: Place): string =>
  [
    ...(place.portOffset === other.portOffset ? [] : [`LAB_PORT_OFFSET=${place.portOffset}`]),
    ...shapeTexts(place, other),
    ...(placeOf(place) === placeOf(other) ? [] : [`LAB_BIND=${place.bind}`]),
  ].join(' ')

const shapeTexts = (shape: Shape, other: Shape): readonly string[] => [
  ...(shape.standbys === other.standbys ? [] : [`LAB_STANDBYS=${shape.standbys}`]),
  ...(shape.manager === other.manager ? [] : [`LAB_MANAGER=${shape.manager}`]),
]

/** What to type so that a command works on the lab at that place; `other` is what its settings say now. */
export const placeRemedy = (place: Place, other: Place): string =>
  placeText({ ...place, standbys: other.standbys, manager: other.manager }, other) === ''
    ? `leave ${shapeTexts(place, other)
        .map((it) => it.split('=')[0])
        .join(' and ')} out (unset what is exported): only setup needs it`
    : `put ${placeText(place, other)} in front of every command`

/** On all addresses, a lab is reached at 127.0.0.1 too. */
const placeOf = ({ bind }: Place): string => (bind === '0.0.0.0' ? '127.0.0.1' : bind)

/** All databases that a lab of that name can have, whatever its LAB_STANDBYS is. */
export const allDatabasesOf = (lab: Lab): readonly DatabaseNode[] =>
  labOf({ ...lab.settings, standbys: DATABASE_NAMES.length - 1 }).databases

/** Those of them that this lab does not have. */
export const surplusOf = (lab: Lab): readonly DatabaseNode[] => allDatabasesOf(lab).slice(lab.databases.length)

/** All stores that a lab of that name can have, whatever its manager is. */
export const allStoresOf = (lab: Lab): readonly StoreNode[] => labOf({ ...lab.settings, manager: 'patroni' }).stores

/** The database that is published, and where psql reaches it. */
export function psqlPlaceOf(lab: Lab): {
  readonly node: DatabaseNode
  readonly hosts: readonly [string, ...string[]]
  readonly port: number
} {
  const node = lab.databases.find(({ publishedPort }) => publishedPort !== undefined)
  if (node?.publishedPort === undefined) throw new Error('no database is published')
  return { node, hosts: hostsOf(lab), port: node.publishedPort }
}

/** The database of that name; a `NO_SUCH_DATABASE` error if the lab has none. */
export function databaseNamed(lab: Lab, name: string): DatabaseNode {
  const found = lab.databases.find((node) => node.name === name)
  if (found !== undefined) return found
  const databases = lab.databases.map((it) => it.name).join(', ')
  throw labError('NO_SUCH_DATABASE', { name: repeated(name), databases, larger: inLarger(name) })
}

/** For a name that this lab does not have: how it gets the database, if a larger lab has one of that name. */
export function inLarger(name: string): string {
  const standbys = Object.keys(DATABASES).indexOf(name)
  return standbys < 0 ? '' : `; LAB_STANDBYS=${standbys} zx scripts/setup.ts gives the lab ${name}`
}

/** The other databases. */
export const othersOf = (lab: Lab, { name }: DatabaseNode): readonly DatabaseNode[] =>
  lab.databases.filter((other) => other.name !== name)

/** The database that starts as the primary. */
export function firstPrimaryOf(lab: Lab): DatabaseNode {
  const found = lab.databases.find(({ upstream }) => upstream === null)
  if (found === undefined) throw new Error('no database starts as the primary')
  return found
}

/** The slot that a node streams over; start.sh gives it the same name. */
export const slotOf = ({ name }: DatabaseNode): string => name.replaceAll('-', '_')
