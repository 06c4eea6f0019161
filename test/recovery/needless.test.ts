import { test } from 'tap'
import { failureOf, resetAfter, verb } from '../the-lab.ts'
import { json } from './scene.ts'

test('of a primary that is well it first says that a switchover would lose nothing; of one that is cut off it does not', async (t) => {
  resetAfter(t)
  const well = await verb('failover')
  t.equal(well.exit, 0, failureOf(well))
  t.match(
    well.stderr,
    /^❯ Check\n› db-primary answers and takes writes: zx scripts\/switchover\.ts would lose nothing\n/,
  )
  t.match(await json(t, 'rejoin'), { standbys: [{ name: 'db-primary' }] })
  t.equal((await verb('fault', ['isolate', 'db-replica'])).exit, 0)
  const cut = await verb('failover', ['--max-lag', '100000000'])
  t.match(cut, { exit: 0, stdout: /db-primary is now the primary/ }, failureOf(cut))
  t.notMatch(cut.stderr, /switchover/)
})
