import { z } from 'zod'
import { defineExercise, finding, isPrimary, isStandby, takesVotes } from '../../scripts/lab/exercise/face.ts'
import { endAsPrimary } from './shutdown.ts'

const OPTIONS = ['Sea', 'Hills']

export const exercise = defineExercise({
  minutes: 15,
  notes: z.object({ poll: z.string(), since: z.string() }),
  async setup(stage) {
    const since = new Date().toISOString()
    const poll = await stage.createPoll('The summer outing?', OPTIONS)
    await stage.traffic.start(poll, OPTIONS)
    return { poll, since }
  },
  given: (_, { poll }) => [
    `the poll "The summer outing?"  ${poll}`,
    'guests vote in it through the balancer, about fifty times a second, for the next 30 minutes',
  ],
  async check(stage, { poll, since }) {
    const record = `the record of the guests, ${stage.traffic.file}`
    // First the record, then the database: a vote that is acknowledged in between is then no lost vote.
    const calls = await stage.traffic.calls()
    const acknowledged = calls.filter(({ outcome }) => outcome === 'ok')
    const timelines = new Set(acknowledged.map(({ token }) => Number.parseInt(token ?? '', 10)))
    return Promise.all([
      isPrimary(stage, 'db-replica'),
      isStandby(stage, 'db-primary'),
      finding(
        'db-primary had a clean shutdown, and was not killed',
        stage.type.docker('logs', 'db-primary'),
        async () => {
          const end = endAsPrimary(await stage.log('db-primary', since))
          if (end === 'clean') return { ok: true, seen: 'a clean shutdown' }
          const replaced = (await stage.status()).primaries.join() === 'db-replica'
          if (end === 'killed' || replaced) return { ok: false, seen: 'it was killed', final: true }
          return { ok: false, seen: 'it has not shut down' }
        },
      ),
      finding('guests voted before the swap and after it', record, async () => {
        const seen = `${acknowledged.length} votes acknowledged, on ${timelines.size === 1 ? 'one timeline' : `${timelines.size} timelines`}`
        const ok = timelines.has(1) && timelines.size > 1
        const guestsLeft = Date.now() > Date.parse(since) + stage.traffic.minutes * 60_000
        const isGone = !ok && !(await stage.hasPoll(poll))
        const why = ok ? '' : isGone ? '; the poll is gone' : guestsLeft ? '; the guests have left' : ''
        return { ok, seen: `${seen}${why}`, final: guestsLeft || isGone }
      }),
      finding('no guest saw an error', record, async () => {
        const errors = calls.filter(({ outcome }) => outcome !== 'ok').map(({ answer }) => answer)
        const ok = errors.length === 0
        return { ok, seen: ok ? 'none' : `${errors.length}: ${errors[0]}`, final: !ok }
      }),
      finding('every acknowledged vote is there', `${record}, and the table vote`, async () => {
        const held = await stage.votesOn('db-replica', poll)
        const lost = acknowledged.filter(({ user, option }) => user !== null && held[user] !== option)
        if (lost.length === 0) return { ok: true, seen: 'none is missing' }
        // A standby may lag, but what the only primary lacks is lost.
        const final = (await stage.status()).primaries.join() === 'db-replica' || !(await stage.hasPoll(poll))
        return { ok: false, seen: lost.length === 1 ? '1 is missing' : `${lost.length} are missing`, final }
      }),
      takesVotes(stage, 'primary', 'backup'),
    ])
  },
  hints: () => [
    'Both databases run, so both can help. In which order do you stop writes, let the standby catch up, and promote it?',
    'docs/failover.md has a table of four verbs. Which one swaps the two and cannot lose a vote?',
    'zx scripts/switchover.ts',
  ],
  solution: (stage) => [
    { does: 'Swap the two while the guests vote', command: stage.type.verb('switchover') },
    { does: 'See the roles', command: stage.type.verb('status'), looks: true },
  ],
  tempting: (stage) => {
    const switchover = { does: 'swap', command: stage.type.verb('switchover') }
    const byForce = [
      { does: 'fail over', command: stage.type.verb('failover', '--force') },
      { does: 'rejoin', command: stage.type.verb('rejoin') },
    ]
    return [
      {
        does: 'swapping, and then making the whole lab again',
        misses: 'guests voted before the swap and after it',
        final: true,
        thorough: true,
        steps: [
          switchover,
          { does: 'remove', command: stage.type.verb('teardown') },
          { does: 'set up', command: stage.type.verb('setup') },
        ],
      },
      {
        does: 'failing over, and bringing the old one back',
        misses: 'had a clean shutdown',
        final: true,
        steps: byForce,
      },
      {
        does: 'a clean shutdown first, and a failover later',
        misses: 'had a clean shutdown',
        final: true,
        thorough: true,
        steps: [
          { does: 'restart', command: stage.type.docker('restart', 'db-primary') },
          { does: 'wait', command: stage.type.verb('setup') },
          ...byForce,
        ],
      },
      {
        does: 'swapping there and back',
        misses: 'db-replica is the primary',
        thorough: true,
        steps: [switchover, switchover],
      },
      {
        does: 'swapping, and switching the old machine off at once',
        misses: 'db-primary is a standby that streams',
        thorough: true,
        steps: [switchover, { does: 'stop', command: stage.type.docker('stop', 'db-primary') }],
      },
      {
        does: 'resetting the lab',
        misses: 'db-replica is the primary',
        final: true,
        thorough: true,
        steps: [{ does: 'reset', command: stage.type.verb('reset') }],
      },
      {
        does: 'swapping, and losing one of the votes',
        misses: 'every acknowledged vote is there',
        final: true,
        thorough: true,
        steps: [
          switchover,
          {
            does: 'delete',
            command: stage.type.psql('db-replica', "delete from vote where user_id in ('guest-0-1', 'guest-1-1')"),
          },
        ],
      },
    ]
  },
  also: (stage) => {
    const switchover = { does: 'swap', command: stage.type.verb('switchover') }
    return [
      {
        does: 'swapping, and switching the old machine off and on, which nobody notices',
        steps: [
          switchover,
          { does: 'power off', command: stage.type.docker('kill', 'db-primary') },
          { does: 'power on', command: stage.type.docker('start', 'db-primary') },
          { does: 'wait', command: stage.type.verb('setup') },
        ],
      },
      {
        does: 'swapping three times',
        thorough: true,
        steps: [switchover, switchover, switchover],
      },
      {
        does: 'swapping at a level that waits for the standby',
        thorough: true,
        steps: [{ does: 'level', command: stage.type.verb('replication', 'on') }, switchover],
      },
    ]
  },
})
