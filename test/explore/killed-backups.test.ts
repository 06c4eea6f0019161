// Verbs of backups that are killed at ten random moments each. KILLS=… for more or fewer.
import tap, { test } from 'tap'
import { json, pollOnBoth, untilHas, voteOn, votersOn } from '../recovery/scene.ts'
import { docker, lab, patience, resetAfter, sql, startVerb, verb } from '../the-lab.ts'

const KILLS = Number(process.env['KILLS'] ?? 10)
tap.setTimeout(40 * 3 * KILLS * 1000 * patience)

/** Kills a verb after a random time, if it is not over before; gives what happened, in words. */
async function killed(name: string, args: readonly string[], [least, most]: readonly [number, number]) {
  const after = (least + Math.round(Math.random() * (most - least))) * patience
  const running = startVerb(name, args)
  const timer = setTimeout(() => running.child.kill('SIGKILL'), after)
  const { exit } = await running.ended.finally(() => clearTimeout(timer))
  return `exit ${exit} after ${after} ms at most`
}

test('a backup whose verb is killed goes on without it, no database restarts, and the next one is whole', async (t) => {
  resetAfter(t)
  await json(t, 'backup')
  // PostgreSQL starts it again after a crash of one of its own.
  const checkpointer = "select pid from pg_stat_activity where backend_type = 'checkpointer'"
  const before = await sql('db-primary', checkpointer)
  for (let nth = 0; nth < KILLS; nth++) t.comment(await killed('backup', [], [300, 2800]))
  await json(t, 'backup')
  t.match(await verb('backup', ['check']), { exit: 0 })
  t.equal(await sql('db-primary', checkpointer), before)
})

test('a restore that is killed at any time is never taken for a whole one, and the next one ends', async (t) => {
  resetAfter(t)
  t.teardown(() => verb('restore', ['remove']))
  const poll = await pollOnBoth()
  const query = `select string_agg(user_id, ' ') from vote where poll_id = '${poll}'`
  await json(t, 'backup')
  await voteOn('db-primary', poll, 'ann')
  for (let nth = 0; nth < KILLS; nth++) {
    const how = await killed('restore', ['--end'], [300, 2500])
    const there = await json(t, 'restore', 'list')
    t.comment(`${how}: ${there?.says ?? 'nothing is there'}`)
    if (!there?.whole) continue
    t.equal(await docker('exec', lab.restored.container, 'psql', '-XAtq', '-d', 'polling', '-c', query), 'ann')
    await verb('restore', ['remove'])
  }
  t.match(await json(t, 'restore', '--end'), { votes: 1 })
  t.equal((await verb('reset')).exit, 0)
  t.match((await verb('restore', ['list'])).stdout, /nothing is restored/)
})

test('going back to a moment is finished by the next run, whenever it was killed', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  await voteOn('db-primary', poll, 'ann')
  await json(t, 'backup')
  await json(t, 'backup', 'mark', 'before')
  await voteOn('db-primary', poll, 'late')
  const goBack = ['--name', 'before', '--replace', '--force']
  for (let nth = 0; nth < KILLS; nth++) {
    const how = await killed('restore', goBack, [400, 6000])
    const { nodes } = JSON.parse((await verb('status', ['--json'])).stdout)
    const roles = nodes
      .filter(({ name }: { name: string }) => name.startsWith('db-'))
      .map(
        ({ name, state, database }: { name: string; state: string; database: { role: string } | null }) =>
          `${name} ${database?.role ?? state}`,
      )
    t.comment(`${how}: ${roles.join(', ')}`)
  }
  t.match(await json(t, 'restore', ...goBack), { primary: 'db-primary' })
  t.equal(await votersOn('db-primary', poll), 'ann')
  await untilHas('db-replica', `select string_agg(user_id, ' ') from vote where poll_id = '${poll}'`, 'ann')
  t.match(await json(t, 'status'), { healthy: true, primaries: ['db-primary'] })
  t.match((await verb('restore', ['list'])).stdout, /nothing is restored/)
})
