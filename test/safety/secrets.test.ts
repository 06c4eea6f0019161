import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { readSecrets, secretsFolder } from '../../scripts/lab/state/secrets.ts'
import type { NodeName } from '../../scripts/lab/topology/topology.ts'
import { containerOf, docker, lab, logsOf, sql, verb } from '../the-lab.ts'

const secrets = await readSecrets(lab)
if (secrets === undefined) throw new Error('the lab has no passwords')

test('passwords on the host can be read by their owner only', async (t) => {
  const folder = secretsFolder(lab)
  t.equal((await stat(folder)).mode & 0o777, 0o700)
  const files = await readdir(folder)
  t.strictSame(files.filter((file) => !file.endsWith('.scram')).sort(), [
    'etcd',
    'monitor',
    'owner',
    'patroni',
    'replicator',
    'rest',
    'service',
  ])
  for (const file of files) t.equal((await stat(join(folder, file))).mode & 0o777, 0o600, file)
  const pgpass = process.env['PGPASSFILE'] ?? ''
  t.equal((await stat(pgpass)).mode & 0o777, 0o600)
  t.match(await readFile(pgpass, 'utf8'), secrets.owner)
})

test('no password is in what the engine shows of any node, nor in any log', async (t) => {
  t.equal(Object.keys(secrets).length, 7)
  for (const { container } of lab.nodes) {
    const shown =
      (await docker('inspect', container)) +
      (await logsOf(container)) +
      (await docker('top', container, '-eo', 'pid,args'))
    for (const [role, password] of Object.entries(secrets)) t.notOk(shown.includes(password), `${role} in ${container}`)
  }
})

test('no password is in what a verb prints', async (t) => {
  const printed = await verb('setup', ['--json'])
  for (const [role, password] of Object.entries(secrets))
    t.notOk(`${printed.stdout}${printed.stderr}`.includes(password), role)
})

// For each role a database gets only a verifier. It gets a password only if it connects to others as that role.
const DATABASE = ['monitor', 'monitor.scram', 'owner.scram', 'replicator', 'replicator.scram', 'service.scram']

test('inside, each node has only the passwords it needs, readable by its own user only', async (t) => {
  const here: Record<NodeName, readonly string[]> = {
    'db-primary': DATABASE,
    'db-replica': DATABASE,
    'db-replica-2': DATABASE,
    'db-replica-3': DATABASE,
    'etcd-1': ['etcd', 'patroni'],
    'etcd-2': ['etcd', 'patroni'],
    'etcd-3': ['etcd', 'patroni'],
    primary: ['service'],
    backup: ['service'],
    loader: [],
  }
  for (const { name, container } of lab.nodes) {
    const listed = await docker('exec', container, 'bash', '-c', 'ls /run/secrets 2>/dev/null; :')
    t.strictSame(listed.split('\n').filter(Boolean).sort(), here[name], name)
    if (listed === '') continue
    const modes = await docker('exec', container, 'bash', '-c', 'stat -c "%a %u" /run/secrets/*; id -u')
    const uid = modes.split('\n').at(-1)
    const held = await docker('exec', container, 'bash', '-c', 'cat /run/secrets/*')
    for (const [role, password] of Object.entries(secrets))
      t.equal(held.includes(password), here[name].includes(role), `${name} holds the password of ${role}`)
    for (const line of modes.split('\n').slice(0, -1)) t.equal(line, `400 ${uid}`, name)
  }
})

test('a statement that sets a password shows none, not even in the log of a database that refuses it', async (t) => {
  const verifier = await docker('exec', containerOf('db-replica'), 'cat', '/run/secrets/owner.scram')
  await t.rejects(sql('db-replica', `alter role owner password '${verifier}'`), /read-only/)
  const log = await logsOf(containerOf('db-replica'))
  t.match(log, /STATEMENT: {2}alter role owner password 'SCRAM-SHA-256\$/)
  t.notOk(log.includes(secrets.owner))
})
