import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'tap'
import { until } from '../../scripts/lab/wait.ts'
import { addressOf, patience } from '../the-lab.ts'

// Debian's own Python: one from elsewhere does not see Debian's packages.
const PYTHON = '/usr/bin/python3'
const there = spawnSync(PYTHON, ['-c', 'import grpc, google.protobuf']).status === 0
const skip = there ? false : 'needs Python with gRPC: sudo apt-get install -y python3-grpcio python3-protobuf'

test('a Python client made from the table of messages alone votes, is told of a duplicate and reads the results', {
  skip,
}, async (t) => {
  // Results come from the database that is asked, which may be a moment behind. Then the client starts again.
  const seen = await until('the results of three votes', { seconds: 20, patience }, async () => {
    const ran = spawnSync(
      PYTHON,
      ['-W', 'ignore', join(import.meta.dirname, 'python_client.py'), addressOf('loader')],
      {
        encoding: 'utf8',
      },
    )
    if (ran.status !== 0) throw new Error(ran.stderr)
    const answered = JSON.parse(ran.stdout)
    return answered.results.yes === 2 && answered.listed ? { done: answered } : { seen: ran.stdout }
  })
  t.strictSame(seen, {
    status: 'open',
    options: ['yes', 'no'],
    votes: ['Vote Successfully!', 'Vote Successfully!', 'Vote Successfully!', 'duplicate_vote', 'Invalid Option'],
    closed: 'close',
    late: 'Poll Closed',
    results: { yes: 2, no: 1 },
    listed: true,
    refused: 'INVALID_ARGUMENT',
  })
})
