import fc from 'fast-check'
import { test } from 'tap'
import { latestOnly } from '../../../server/rpc/latest-only.ts'

/** A reader that takes a message when told to. */
function reader() {
  const sent: number[] = []
  const taken: (() => void)[] = []
  const messages = latestOnly<number>({
    write: (message, done) => {
      sent.push(message)
      taken.push(done)
    },
  })
  return { sent, messages, take: () => taken.shift()?.(), underWay: () => taken.length }
}

test('while one message is under way only the newest of the others waits', async (t) => {
  const { sent, messages, take } = reader()
  for (const message of [1, 2, 3, 4]) messages.send(message)
  t.same(sent, [1])
  take()
  t.same(sent, [1, 4])
  take()
  t.same(sent, [1, 4])
})

test('the last message is repeated for a reader that has taken it, and does not pile up before one that has not', async (t) => {
  const { sent, messages, take } = reader()
  messages.repeat()
  t.same(sent, [], 'nothing to repeat yet')
  messages.send(1)
  messages.repeat()
  t.same(sent, [1])
  take()
  messages.repeat()
  t.same(sent, [1, 1])
})

test('what waits is sent when no more comes', async (t) => {
  const { sent, messages } = reader()
  messages.send(1)
  messages.flush()
  t.same(sent, [1], 'nothing waits')
  messages.send(2)
  messages.flush()
  t.same(sent, [1, 2])
})

test('in any order of sending and taking, one message is under way, order is kept and the newest arrives', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('send', 'take', 'repeat')), (steps) => {
      const { sent, messages, take, underWay } = reader()
      let number = 0
      for (const step of steps) {
        if (step === 'send') messages.send(++number)
        else if (step === 'take') take()
        else messages.repeat()
        if (underWay() > 1) return false
      }
      while (underWay() > 0) take()
      return (sent.at(-1) ?? 0) === number && sent.every((message, nth) => message >= (sent[nth - 1] ?? 0))
    }),
  )
  t.pass()
})
