import type { Report } from '../postgres/replay.ts'
import type { LostVote } from '../postgres/votes.ts'
import type { Choice, Level, Rule } from '../rules/durability.ts'
import type { Reporter, Tell } from '../steps.ts'
import type { DatabaseName, DatabaseNode, Lab } from '../topology/topology.ts'
import type { Named } from './level.ts'
import type { PatroniView } from './patroni/view.ts'

/** How a manager that runs by itself is looked at and told. */
export type Control = {
  readonly show: (lab: Lab) => Promise<PatroniView>
  /** Each of these takes the lab's lock. */
  readonly pause: (lab: Lab, reporter: Reporter) => Promise<PatroniView>
  readonly resume: (lab: Lab, reporter: Reporter) => Promise<PatroniView>
  readonly set: (lab: Lab, settings: readonly string[], reporter: Reporter) => Promise<PatroniView>
  /** Tags a database in its own configuration, so that nobody promotes it until the tag is gone or its container starts again. */
  readonly exclude: (lab: Lab, node: DatabaseName, reporter: Reporter) => Promise<PatroniView>
  /** Waits until it has replaced that primary by itself, and says how it went. */
  readonly replaced: (lab: Lab, old: DatabaseName) => Promise<Replacement>
}

/** How a manager that runs by itself replaced a primary. Times are milliseconds since the epoch; null if nothing shows them. */
export type Replacement = {
  readonly promoted: DatabaseName
  /** When the lease of the old primary ended. */
  readonly leaseEnded: number | null
  /** When the new primary got the lease. */
  readonly leaseWon: number | null
  readonly promotedAt: number | null
}

/** Who decides which database is the primary, and makes another one the primary. */
export type Manager = {
  /** What it says of the databases itself; undefined if it says nothing, or does not answer. */
  readonly view: (lab: Lab) => Promise<PatroniView | undefined>
  /** Undefined if it does nothing by itself. */
  readonly control: Control | undefined
  /** Makes a standby the primary. It takes the lab's lock. */
  readonly failover: (lab: Lab, options: FailoverOptions, reporter: Reporter) => Promise<Failover>
  /** Compiles the modules of a failover, which takes seconds the first time: so the first failover is not late. */
  readonly prepare: () => Promise<unknown>
  /** Fails over each time the primary is dead, until it is interrupted. It takes the lab's lock only while it acts. */
  readonly watch: (
    lab: Lab,
    options: FailoverOptions,
    tell: (event: WatchEvent) => void,
    reporter: Reporter,
  ) => Promise<void>
  /** Swaps the roles of the primary and a standby, and loses nothing. It takes the lab's lock. */
  readonly switchover: (lab: Lab, options: SwitchoverOptions, reporter: Reporter) => Promise<Switchover>
  /** Brings every database that is not the primary back as a standby. It takes the lab's lock. */
  readonly rejoin: (lab: Lab, options: RejoinOptions, reporter: Reporter) => Promise<Rejoin>
  /** Puts the settings of a durability level on a primary, for those standbys. The caller has the lock. */
  readonly putLevel: (tell: Tell, primary: DatabaseNode, choice: Choice, direct: readonly Named[]) => Promise<void>
  /** Puts the level in force that was chosen, with the standbys that follow the primary now. The caller has the lock. */
  readonly restoreLevel: (lab: Lab, reporter: Reporter) => Promise<void>
  /** Forgets what it knows of the databases, before all of them start as in a new lab. */
  readonly forget: (tell: Tell, lab: Lab) => Promise<void>
  /** Lets standbys go that the lab no longer has, so that it does not make their slots again. The caller has the lock. */
  readonly letGo: (tell: Tell, lab: Lab, gone: readonly DatabaseNode[]) => Promise<void>
  /** Makes a database without data a copy of a primary, which may still be starting. The caller has the lock. */
  readonly copy: (tell: Tell, lab: Lab, from: DatabaseNode, node: DatabaseNode) => Promise<void>
}

export type FailoverOptions = {
  /** Bytes of WAL that may be lost. */
  readonly maxLag: number | undefined
  readonly force: boolean
  /** The standby to promote; undefined for the one that has most. */
  readonly to?: string | undefined
  /** Refuse if replay waits for a report on the standby; without this, the report is ended. */
  readonly keepReports: boolean
  /** Give the standby what it lacks from the disk of the old primary: then it may lack any amount before. */
  readonly salvage?: boolean
}

/** WAL that only a fenced node has: where it ends and how much it is. */
export type Loss = { readonly node: DatabaseName; readonly end: string; readonly bytes: number }

/** WAL that a standby got from the disk of a fenced primary, in bytes; or why there was none to get. */
export type Salvaged = { readonly from: DatabaseName; readonly bytes: number; readonly unread: string | null }

/** When each part of a failover ended, in milliseconds since the epoch. `started`: when its process or its decision began. */
export type Marks = Readonly<Record<'started' | 'checked' | 'fenced' | 'promoted' | 'served', number>>

export type Failover = {
  readonly promoted: DatabaseName
  /** The old primary, and others that may have been a primary. */
  readonly fenced: readonly DatabaseName[]
  /** False if an earlier run had promoted it already. */
  readonly promotedNow: boolean
  /** Seconds from the start of the command to its first acknowledged write. */
  readonly seconds: number
  readonly parts: Readonly<Record<string, number>>
  readonly marks: Marks
  readonly timeline: number
  /** The LSN where the old timeline ended: the new primary has everything before it. */
  readonly parted: string
  /** WAL that the new primary got from the disk of the old one; only with `salvage`. */
  readonly salvaged: readonly Salvaged[]
  /** Null if it cannot be read. */
  readonly lost: Loss | null
  /** Votes that only the old primary has; null if they were not read. */
  readonly lostVotes: readonly LostVote[] | null
  /** Databases that a quorum asks for and that did not answer: an acknowledged vote may be on these only. */
  readonly unheard: readonly DatabaseName[]
  /** Backends on the standby that were ended because replay waited for them. */
  readonly endedReports: readonly Report[]
  /** What was chosen, and what is in force until rejoin restores it. */
  readonly level: { readonly chosen: Level; readonly rule: Rule; readonly now: Level }
}

/** The standbys that were pointed at the primary, and the upstream that they had. */
export type Retargeted = {
  readonly standbys: readonly DatabaseName[]
  readonly gone: DatabaseName
  readonly primary: DatabaseName
}

/** When the first probe failed, and when enough had failed: milliseconds since the epoch. */
export type Detection = { readonly suspected: number; readonly detected: number }

/** The events that a watch tells. */
export type WatchEvent = { readonly at: string } & (
  | { readonly event: 'watching'; readonly primary: DatabaseName; readonly standby: DatabaseName | null }
  | { readonly event: 'suspect'; readonly primary: DatabaseName; readonly why: string }
  | { readonly event: 'recovered'; readonly primary: DatabaseName }
  | ({ readonly event: 'decided'; readonly primary: DatabaseName; readonly why: string } & Detection)
  | ({ readonly event: 'failed-over' } & Detection & Failover)
  | ({ readonly event: 'retargeted'; readonly why: string } & Retargeted)
  | { readonly event: 'refused'; readonly code: string; readonly why: string; readonly fix: string }
)

/** Who is the primary after a switchover. */
export type Switchover = {
  readonly primary: DatabaseName
  readonly standby: DatabaseName
  readonly timeline: number
  /** Seconds without a primary: from the command to stop it to the first acknowledged write. */
  readonly withoutPrimary: number
  readonly level: Level
  readonly rule: Rule
}

export type SwitchoverOptions = {
  /** The standby that becomes the primary; the one that has most if undefined. */
  readonly to: string | undefined
  /** End reports on the standby that replay waits for; without this, refuse if there are any. */
  readonly endReports: boolean
}

/** How every database that is not the primary came back. */
export type Rejoin = {
  readonly primary: DatabaseName
  readonly level: Level
  readonly rule: Rule
  readonly standbys: readonly Rejoined[]
}

/** How one database was made a standby of the primary. */
export type Rejoined = {
  readonly name: DatabaseName
  /**
   * `none`: it streamed already. `repaired`: its data could stay as it is. `undone`: a failover had fenced its primary, but had
   * promoted no standby.
   */
  readonly how: 'none' | 'repaired' | 'rewound' | 'copied' | 'undone'
  /** What kept it from following, or why it was copied and not rewound. */
  readonly why: string | null
  /** Votes that only this database had, and that are now lost; null if they could not be read: then `why` says why. */
  readonly divergedVotes: readonly LostVote[] | null
  /** Where those votes are kept. */
  readonly keptIn: string | null
  /** Segments of WAL that it never archived, although there is an archive: they are lost with its history. */
  readonly unarchived: readonly string[]
}

export type RejoinOptions = {
  /** Copy without trying to rewind. */
  readonly copy: boolean
  /** Go on even if the lost votes cannot be listed. */
  readonly discard: boolean
}
