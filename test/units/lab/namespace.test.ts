import { test } from 'tap'
import { saysEnded } from '../../../scripts/lab/faults/namespace.ts'

/** What engines said of a node that was down, or that ended while a helper entered its namespace. */
const ENDED = [
  'docker: Error response from daemon: cannot join network of a non running container: 5f2e.',
  'docker: Error response from daemon: No such container: lab2-db-replica.',
  'docker: Error response from daemon: Container 5f2e is restarting, wait until the container is running.',
  'docker: Error response from daemon: failed to create shim task: OCI runtime create failed: runc create failed: unable to create new parent process: namespace path: lstat /proc/17018/ns/net: no such file or directory: unknown.',
]

test('a node that ends while a fault is made is told from an engine that refuses', async (t) => {
  for (const said of ENDED) t.ok(saysEnded(said), said)
  t.notOk(saysEnded('Cannot connect to the Docker daemon at unix:///var/run/docker.sock.'))
  t.notOk(saysEnded('docker: Error response from daemon: No such image: failover-lab/faults.'))
})
