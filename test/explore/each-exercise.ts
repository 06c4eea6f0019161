// Proves of each exercise what `exercise verify` proves. Two files share them, so that two labs can.
import tap, { after, test } from 'tap'
import { type Entry, readTrack } from '../../scripts/lab/exercise/track.ts'
import { verify } from '../../scripts/lab/exercise/verify.ts'
import { asUsual, lab, patience } from '../the-lab.ts'
import { noTimeLeft } from '../time-left.ts'

/** Seconds for half of the exercises, beyond what a file of tests has. */
const MOST_SECONDS = 1500

const track = await readTrack()
const half = Math.ceil(track.length / 2)
export const [firstHalf, secondHalf] = [track.slice(0, half), track.slice(half)]

export async function verifyEach(entries: readonly Entry[]): Promise<void> {
  tap.setTimeout(MOST_SECONDS * 1000 * patience)
  // The last of them may have left the lab with more.
  after(asUsual)
  for (const entry of entries) {
    const promise = `${entry.name} fails before its solution and passes after it, accepts right ways, refuses tempting ones, and starts the same twice`
    await test(promise, { skip: noTimeLeft() && 'no time left' }, async (t) => {
      const { problems, seconds } = await verify(lab, entry)
      t.strictSame(problems, [])
      t.comment(`${seconds.toFixed(1)} s from start to check`)
    })
  }
}
