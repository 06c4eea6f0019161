import { act } from '../docker/command.ts'
import { type Machine, machine } from '../docker/machine.ts'
import { pollingClient } from '../service/client.ts'
import type { Reporter, Say } from '../steps.ts'
import { endpointOf, firstPrimaryOf, type Lab } from '../topology/topology.ts'
import { makeBackup } from '../verbs/backup.ts'
import { reset } from '../verbs/reset.ts'
import { removeBeside, restoreBeside } from '../verbs/restore.ts'
import { setup } from '../verbs/setup.ts'
import { startWatcher } from '../verbs/watcher.ts'
import { benchLab } from './lab.ts'
import { commanded, type FailoverRun, underVotes, watched } from './one-failover.ts'
import { seed } from './seed.ts'
import { secondsOf } from './startup.ts'

/** The same with archiving and without: seconds, in the order of the runs. */
export type Side = {
  readonly reset: readonly number[]
  readonly failover: readonly FailoverRun[]
  readonly watchCrash: readonly FailoverRun[]
}

export type BackupsFigures = {
  readonly at: string
  readonly machine: Machine
  readonly runs: number
  readonly votes: number
  /** Seconds, and bytes of the data and in the repository. */
  readonly full: readonly number[]
  readonly data: number
  readonly stored: number
  /** Seconds of a restore beside the lab to the end of the archive, and of a pg_basebackup of the same data. */
  readonly restore: readonly number[]
  readonly copy: readonly number[]
  readonly off: Side
  readonly on: Side
}

/** Times a backup and a restore of many votes beside pg_basebackup, and what archiving costs resets and failovers, in turn. */
export async function measureBackups(
  runs: number,
  votes: number,
  say: Say,
  reporter: Reporter,
): Promise<BackupsFigures> {
  const [off, on] = [emptySide(), emptySide()]
  const data = { full: [] as number[], restore: [] as number[], copy: [] as number[], data: 0, stored: 0 }
  await benchLab(false, reporter, async (lab) => {
    await setup(lab, reporter)
    for (let run = 1; run <= runs; run++)
      for (const side of run % 2 === 1 ? [off, on] : [on, off]) {
        say(`run ${run} of ${runs}, archiving ${side === on ? 'on' : 'off'}`)
        await measureSide(lab, side, side === on, reporter)
      }
    say(`a database with ${votes} votes`)
    await reset(lab, reporter)
    await seedVotes(lab, votes)
    for (let run = 1; run <= runs; run++) {
      say(`run ${run} of ${runs}: backup, copy, restore`)
      data.full.push(
        await secondsOf(async () => {
          const made = await makeBackup(lab, 'full', reporter)
          data.data = made.size
          data.stored = made.stored
        }),
      )
      data.copy.push(await secondsOf(() => copyOnce(lab, reporter)))
      data.restore.push(await secondsOf(() => restoreBeside(lab, { kind: 'end' }, undefined, false, reporter)))
      await removeBeside(lab, reporter)
    }
  })
  return { at: new Date().toISOString(), machine: await machine(), runs, votes, ...data, off, on }
}

const emptySide = () => ({ reset: [] as number[], failover: [] as FailoverRun[], watchCrash: [] as FailoverRun[] })

async function measureSide(
  lab: Lab,
  side: ReturnType<typeof emptySide>,
  archives: boolean,
  reporter: Reporter,
): Promise<void> {
  const primary = firstPrimaryOf(lab)
  const asWanted = async () => void (archives && (await makeBackup(lab, 'full', reporter)))
  await asWanted()
  side.reset.push(await secondsOf(() => reset(lab, reporter)))
  await asWanted()
  side.failover.push(await underVotes(lab, (votes) => commanded(lab, primary, votes)))
  await reset(lab, reporter)
  await asWanted()
  const watcher = startWatcher(lab, [])
  try {
    side.watchCrash.push(await underVotes(lab, (votes) => watched(lab, watcher, primary, 'kill', votes)))
  } finally {
    await watcher.stop()
  }
  await reset(lab, reporter)
}

async function seedVotes(lab: Lab, votes: number): Promise<void> {
  const client = pollingClient(endpointOf(lab, lab.loader) ?? '', lab.settings.patience)
  const { uuid } = await client.createPoll('How many?', ['a', 'b']).finally(client.close)
  await seed(lab, firstPrimaryOf(lab), uuid, votes)
}

/** A copy of the primary as rejoin makes it, on a disk of the standby's node; it is removed at once. */
const copyOnce = (lab: Lab, { step }: Reporter): Promise<string> =>
  step('Copy it with pg_basebackup', async ({ tell }) => {
    const [, standby] = lab.databases
    const source = 'host=db-primary user=replicator passfile=/run/failover-lab/pgpass'
    const copy = `pg_basebackup -D /var/lib/postgresql/copy -d '${source}' -X stream --checkpoint fast && rm -rf /var/lib/postgresql/copy`
    return act(tell, ['exec', standby?.container ?? '', 'bash', '-c', copy])
  })
