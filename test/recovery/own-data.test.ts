// What is wrong with the data of a database itself: made for real, said with what repairs it, and repaired so.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import tap, { test } from 'tap'
import { containerOf, docker, failureOf, resetAfter, verb } from '../the-lab.ts'
import { json, mended, untilSaid } from './scene.ts'

// Each test repairs what it did.
resetAfter(tap)

const DATA = '/var/lib/postgresql/data'
const standby = containerOf('db-replica')

const imageOf = (container: string) => docker('inspect', '-f', '{{.Config.Image}}', container)

/** Does something to the data of the standby, as root. */
const withData = async (script: string, user = 'root') =>
  docker('run', '--rm', '--user', user, '--volumes-from', standby, await imageOf(standby), 'bash', '-c', script)

test('data of another cluster in the volume of the standby are said, and rejoin copies it', async (t) => {
  await docker('stop', standby)
  await withData(
    `tar -C /tmp -xf /usr/local/share/failover-lab/prepared.tar ./postgresql.conf && find ${DATA} -mindepth 1 -delete &&
     initdb -D ${DATA} --data-checksums >/dev/null && cp /tmp/postgresql.conf ${DATA} && touch ${DATA}/standby.signal`,
    'postgres',
  )
  await docker('start', standby)
  await untilSaid(
    'db-replica',
    /its data belongs to another database cluster than that of db-primary.*rejoin.ts lists the votes/,
  )
  await mended(t, { how: 'copied', why: /another database cluster|different systems/ })
})

test('a data folder that its database may not use is said, with the command that gives it back', async (t) => {
  await withData(`chown root ${DATA}`)
  await docker('restart', standby)
  await untilSaid('db-replica', /it may not use its own data/)
  const said = await verb('setup')
  t.match(said.stderr, /HINDERED: db-replica: it may not use its own data/)
  const [, mend = ''] = /give them back: (docker run .*); then/.exec(said.stderr) ?? []
  await promisify(execFile)('bash', ['-c', mend])
  await withData(`chmod 0777 ${DATA}`)
  await docker('restart', standby)
  const healed = await verb('setup')
  t.equal(healed.exit, 0, `a folder that others may read only has the wrong mode: ${failureOf(healed)}`)
})

test('a standby whose control file is destroyed dies, setup says its last words and what helps, and that helps', async (t) => {
  await withData(`: >${DATA}/global/pg_control`)
  await docker('kill', standby)
  const said = await verb('setup')
  t.match(
    said.stderr,
    /NODE_DIED: db-replica does not stay up; its last lines:\n(.*\n)*.*pg_control.*\n(.*\n)*.*→ .*rejoin.ts/,
  )
  t.match(await json(t, 'rejoin', '--discard'), { standbys: [{ name: 'db-replica', how: 'copied' }] })
})
