import { test } from 'tap'
import { readSettings } from '../../../scripts/lab/settings.ts'
import { endpoints } from '../../../scripts/lab/terminal/endpoints.ts'
import { labOf } from '../../../scripts/lab/topology/topology.ts'

const lab = labOf(readSettings({ LAB_NAME: 'lab2', LAB_PORT_OFFSET: '1000' }))

test('psql of the published database is not told as the primary after a failover', async (t) => {
  const before = endpoints(lab, 'db-primary')
  t.match(before, /psql -h localhost -p 6432 -U owner polling$/m)
  t.match(before, 'docker exec -it lab2-db-primary psql polling')
  const after = endpoints(lab, 'db-replica')
  t.match(after, /psql -h localhost -p 6432 -U owner polling {2}\(db-primary, now a standby: it only answers reads\)$/m)
  t.match(after, 'docker exec -it lab2-db-replica psql polling')
})
