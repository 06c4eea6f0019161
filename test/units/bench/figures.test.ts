import { test } from 'tap'
import { compare, measureInTurn } from '../../../scripts/lab/bench/compare.ts'
import { pgbenchFigures } from '../../../scripts/lab/bench/pgbench.ts'
import { median, quantile } from '../../../scripts/lab/numbers.ts'

test('median and quantiles', async (t) => {
  t.equal(median([3, 1, 2]), 2)
  t.equal(median([4, 1, 3, 2]), 2.5)
  t.equal(median([]), 0)
  const hundred = Array.from({ length: 100 }, (_, nth) => 100 - nth)
  t.equal(quantile(hundred, 0.5), 50)
  t.equal(quantile(hundred, 0.99), 99)
  t.equal(quantile(hundred, 1), 100)
  t.equal(quantile([], 0.5), 0)
})

test('sides are measured in turn, every other round the other way round, and compared round by round', async (t) => {
  const order: string[] = []
  // The machine slows down to a quarter meanwhile.
  let speed = 400
  const side = (name: string, factor: number) => ({
    name,
    async measure(round: number) {
      order.push(`${name}${round}`)
      speed -= 50
      return { perSecond: speed * factor, done: 1000 }
    },
  })
  const series = await measureInTurn([side('a', 2), side('b', 1)], 3, async (work) => ({
    result: await work(),
    usage: { seconds: { clients: 0.5, loader: 0.25 }, busy: 1 },
  }))
  t.strictSame(order, ['a0', 'b0', 'b1', 'a1', 'a2', 'b2'])
  const { ratio, ratioOfTime, measured } = compare('a ÷ b', series, 2)
  t.ok(ratio > 1.6 && ratio < 2.7, `${ratio}`)
  t.equal(ratioOfTime, 1)
  t.strictSame(measured.microseconds, { clients: 500, loader: 250 })
})

test("pgbench's own figures are read, of every version; what is no result is not taken for one", async (t) => {
  const common = 'transaction type: -\nnumber of transactions actually processed: 11131\n'
  const of17 = `${common}number of failed transactions: 3 (0.027%)\ntps = 22048.045764 (without initial connection time)`
  t.strictSame(pgbenchFigures(of17), { perSecond: 22048.045764, transactions: 11131, failed: 3 })
  const of13 = `${common}tps = 21000.5 (including connections establishing)\ntps = 22048.5 (excluding connections establishing)`
  t.strictSame(pgbenchFigures(of13), { perSecond: 22048.5, transactions: 11131, failed: 0 })
  t.equal(pgbenchFigures('pgbench: error: connection to server failed'), undefined)
})
