import tap, { after, test } from 'tap'
import { readTrack } from '../../scripts/lab/exercise/track.ts'
import { verify } from '../../scripts/lab/exercise/verify.ts'
import { failureOf, lab, patience, verb } from '../the-lab.ts'

/** Seconds for all of them, beyond what a file of tests has. */
const MOST_SECONDS = 2100
tap.setTimeout(MOST_SECONDS * 1000 * patience)

// The last of them may have left the lab with more.
after(() => verb('setup', [], { LAB_STANDBYS: '1' }))

const [first, ...others] = await readTrack()

for (const entry of others)
  test(`${entry.name} fails before its solution and passes after it, accepts right ways, refuses tempting ones, and starts the same twice`, async (t) => {
    const { problems, seconds } = await verify(lab, entry)
    t.strictSame(problems, [])
    t.comment(`${seconds.toFixed(1)} s from start to check`)
  })

test(`${first?.name} as well, by the command, which leaves the lab as new`, async (t) => {
  const verified = await verb('exercise', ['verify', String(first?.number), '--discard'])
  t.equal(verified.exit, 0, failureOf(verified))
  t.match(verified.stdout, /^✓ 01-[\w-]+ {2}[\d.]+ s from start to check; \d+ other ways tried$/m)
  t.match((await verb('poll', ['list'])).stdout, /no polls yet/)
})
