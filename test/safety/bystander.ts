// Someone who uses the service as it is meant, while others do not.
import type { Test } from 'tap'
import { client, ok } from '../grpc.ts'
import { addressOf, containerOf, docker } from '../the-lab.ts'

const DOORS = ['loader', 'primary', 'backup'] as const
/** Pause of each bystander between two votes, milliseconds. */
const PAUSE_MS = 50

const startedAt = () => docker('inspect', '-f', '{{.State.StartedAt}}', ...DOORS.map(containerOf))

/** Does something hostile while votes go on through every door; none of them may fail, and no node may restart. */
export async function othersAreServed(t: Test, hostile: () => Promise<void>): Promise<void> {
  const before = await startedAt()
  const clients = DOORS.map((door) => client(addressOf(door)))
  const first = clients[0] as (typeof clients)[number]
  const { uuid } = await ok(first.createPoll({ poll_questions: 'Served?', options: ['a', 'b'] }))
  const failures: unknown[] = []
  let going = true
  let slowest = 0
  let votes = 0
  const bystanders = clients.map(async (it, nth) => {
    for (let vote = 0; going; vote++) {
      const from = performance.now()
      const answer = await it.castVote({ uuid, userID: `${nth}.${vote}`, select_options: 'a' })
      slowest = Math.max(slowest, performance.now() - from)
      votes += 1
      if (!('ok' in answer) || answer.ok.status !== 'Vote Successfully!') failures.push(answer)
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
  })
  try {
    await hostile()
  } finally {
    going = false
    await Promise.all(bystanders)
    for (const it of clients) it.close()
  }
  t.strictSame(failures, [], `${votes} votes of others, the slowest in ${slowest.toFixed(0)} ms`)
  t.equal(await startedAt(), before, 'every node stayed up')
}
