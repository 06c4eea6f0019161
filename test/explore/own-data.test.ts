// What is wrong with the data of a database itself: made for real, said with what repairs it, and repaired so.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import tap, { test } from 'tap'
import { LAB_LABEL } from '../../scripts/lab/docker/ownership.ts'
import { VOLUME_FOLDER } from '../../scripts/lab/docker/volume.ts'
import { json, mended, untilSaid } from '../recovery/scene.ts'
import { containerOf, docker, failureOf, lab, resetAfter, verb } from '../the-lab.ts'

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
  t.match(said.stderr, /HINDERED: db-replica: it may not use its own data/, failureOf(said))
  // The servers lack something too: setup waits for them first, and names the database that they need.
  await docker('rm', '-f', containerOf('primary'))
  const again = await verb('setup')
  t.match(again.stderr, /HINDERED: db-replica: it may not use its own data/, failureOf(again))
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

test('a standby whose data is on a read-only file system is named with that, and not copied for it', async (t) => {
  const [, node] = lab.databases
  const volume = `${node?.volume}`
  const folder = mkdtempSync(join(tmpdir(), 'read-only-'))
  const remove = async () => {
    await docker('rm', '-f', standby)
    await docker('volume', 'rm', volume)
  }
  t.teardown(async () => {
    await remove()
    rmSync(folder, { recursive: true })
    const ran = await verb('setup')
    if (ran.exit !== 0) throw new Error(failureOf(ran))
  })
  // A mount that is in use for writing cannot be made read-only, so it is read-only from the start.
  await docker('stop', standby)
  const image = await imageOf(standby)
  const copy = [
    '--user',
    'root',
    '--volumes-from',
    standby,
    '-v',
    `${folder}:/to`,
    image,
    'cp',
    '-aT',
    VOLUME_FOLDER,
    '/to',
  ]
  await docker('run', '--rm', ...copy)
  await remove()
  const labels = [`${LAB_LABEL}=${lab.name}`, `failover-lab.postgres=${lab.settings.postgres}`]
  const mount = ['type=none', `device=${folder}`, 'o=bind,ro']
  await docker(
    ...['volume', 'create', ...labels.flatMap((it) => ['--label', it]), '-d', 'local'],
    ...[...mount.flatMap((it) => ['-o', it]), volume],
  )
  const said = await verb('setup')
  t.match(
    said.stderr,
    /HINDERED: db-replica: the file system of its data is read-only\n.*dmesg.*no vote has to be deleted/,
  )
  await untilSaid('db-replica', /the file system of its data is read-only/)
  t.match((await verb('rejoin')).stderr, /HINDERED: db-replica: the file system of its data is read-only/)
})
