// Lines of Patroni 4.0 and PostgreSQL 17, as two nodes logged them.
import { test } from 'tap'
import { courseIn } from '../../../scripts/lab/rules/patroni-course.ts'

const OLD = `
2026-11-27 14:25:35,402 INFO: no action. I am (db-primary), the leader with the lock
2026-11-27 14:25:36,410 INFO: no action. I am (db-primary), the leader with the lock
`
const NEW = `
2026-11-27 14:25:16,355 INFO: Lock owner: db-primary; I am db-replica
2026-11-27 14:25:16.925 UTC [105] LOG:  database system is ready to accept read-only connections
2026-11-27 14:25:56,912 INFO: Got response from db-primary http://db-primary:8008/patroni: {"state": "running"}
2026-11-27 14:25:57,081 INFO: promoted self to leader by acquiring session lock
2026-11-27 14:25:57.096 UTC [109] LOG:  selected new timeline ID: 3
2026-11-27 14:25:57.195 UTC [109] LOG:  archive recovery complete
2026-11-27 14:25:57,088 INFO: Lock owner: db-replica; I am db-replica
`
const at = (time: string) => Date.parse(`2026-11-27T${time}Z`)

test('a lease ends so long after its last renewal; then somebody gets it, and is promoted', async (t) => {
  t.strictSame(courseIn(OLD, NEW, 20), {
    leaseEnded: at('14:25:56.410'),
    leaseWon: at('14:25:57.081'),
    promotedAt: at('14:25:57.195'),
  })
})

test('of two promotions in one log the last one counts', async (t) => {
  const later = NEW.replaceAll('14:25', '14:40')
  t.match(courseIn(OLD, NEW + later, 20), { leaseWon: at('14:40:57.081'), promotedAt: at('14:40:57.195') })
})

test('what the logs do not show is not known', async (t) => {
  t.strictSame(courseIn('', '', 20), { leaseEnded: null, leaseWon: null, promotedAt: null })
})
