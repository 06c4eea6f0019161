import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type Test, test } from 'tap'
import { described } from '../../scripts/lab/docker/api.ts'
import { withStoppedData } from '../../scripts/lab/postgres/stopped-data.ts'
import { containerOf, docker, failureOf, lab, resetAfter, verb } from '../the-lab.ts'

type Inspected = {
  readonly HostConfig: {
    readonly CapDrop: readonly string[]
    readonly SecurityOpt: readonly string[]
    readonly CapAdd: readonly string[] | null
    readonly Memory: number
    readonly MemorySwap: number
    readonly PidsLimit: number
    readonly ReadonlyRootfs: boolean
    readonly NetworkMode: string
    readonly RestartPolicy: { readonly Name: string }
    readonly LogConfig: { readonly Config: Readonly<Record<string, string>> }
    readonly PortBindings: Readonly<
      Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[]>
    > | null
  }
  readonly Config: { readonly Healthcheck?: { readonly Test: readonly string[] } }
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, unknown>> }
}

const inspected: Inspected[] = JSON.parse(await docker('inspect', ...lab.nodes.map(({ container }) => container)))
const at = (index: number): Inspected => {
  const it = inspected[index]
  if (it === undefined) throw new Error('inspect gave too little')
  return it
}

for (const [index, node] of lab.nodes.entries()) {
  test(`${node.name}: no root inside, no capabilities, no way to new privileges`, async (t) => {
    const status = await docker(
      'exec',
      node.container,
      'bash',
      '-c',
      'id -u; grep -h -E "^(Uid|CapEff|CapBnd|NoNewPrivs)" /proc/1/status',
    )
    t.not(status.split('\n')[0], '0')
    t.match(status, new RegExp(`Uid:\\s+${node.uid}\\s`))
    t.match(status, /CapEff:\s+0+\n/)
    t.match(status, /CapBnd:\s+0+\n/)
    t.match(status, /NoNewPrivs:\s+1/)
  })

  test(`${node.name}: nothing can be written but its data, the repository of a database, and its folders in memory`, async (t) => {
    for (const folder of ['/', '/etc', '/usr/bin', '/var/tmp']) {
      const asRoot = docker('exec', '-u', '0', node.container, 'touch', join(folder, 'tried'))
      await t.rejects(asRoot, /Read-only file system/, folder)
    }
    const data = '/var/lib/postgresql'
    const backups = '/var/lib/pgbackrest'
    const find = `find / -path /proc -prune -o -path '${data}/*' -prune -o -path '${backups}/*' -prune -o -path '/tmp/*' -prune -o -type d -writable -print 2>/dev/null; :`
    const writable = await docker('exec', node.container, 'bash', '-c', find)
    const mine = [...node.scratch.map(({ folder }) => folder), ...(node.volume === undefined ? [] : [data, backups])]
    t.strictSame(writable.split('\n').sort(), [...mine, '/dev/mqueue', '/dev/shm'].sort())
    const mounts = await docker('exec', node.container, 'cat', '/proc/mounts')
    for (const { folder, mebibytes } of node.scratch)
      t.match(mounts, new RegExp(`^tmpfs ${folder} tmpfs rw,nosuid,nodev,noexec,.*size=${mebibytes * 1024}k`, 'm'))
  })

  test(`${node.name}: its image has a record of the packages in it, with their versions`, async (t) => {
    const recorded = await docker('exec', node.container, 'cat', '/etc/failover-lab/packages.txt')
    t.match(recorded, /^libc6(:\w+)?\t\d/m)
    t.equal(recorded, await docker('exec', node.container, 'dpkg-query', '-W'))
  })

  test(`${node.name}: health check, restart policy, log rotation and a memory limit`, async (t) => {
    const { HostConfig, Config, NetworkSettings } = at(index)
    t.ok((Config.Healthcheck?.Test.length ?? 0) > 1)
    t.equal(HostConfig.RestartPolicy.Name, 'unless-stopped')
    t.match(HostConfig.LogConfig.Config, { 'max-size': '10m', 'max-file': '3' })
    t.equal(HostConfig.Memory, node.memoryMiB * 2 ** 20)
    t.strictSame(Object.keys(NetworkSettings.Networks), [lab.network])
  })

  test(`${node.name}: published on 127.0.0.1 only, or not at all`, async (t) => {
    const published = Object.entries(at(index).HostConfig.PortBindings ?? {})
    const expected =
      node.publishedPort === undefined
        ? []
        : [[`${node.port}/tcp`, [{ HostIp: lab.settings.bind, HostPort: String(node.publishedPort) }]]]
    t.strictSame(published, expected)
  })
}

test('all nodes together fit a machine of 4 GiB, with as much left for the rest', async (t) => {
  const total = lab.nodes.reduce((sum, { memoryMiB }) => sum + memoryMiB, 0)
  t.ok(total <= 2304, `${total} MiB`)
})

/** What a container that helps for a moment may do: as little as a node. */
function assertConfined(t: Test, { HostConfig }: Inspected, mayDo: readonly string[]): void {
  t.strictSame(HostConfig.CapDrop, ['ALL'])
  t.strictSame(
    (HostConfig.CapAdd ?? []).map((name) => name.replace('CAP_', '')),
    mayDo,
  )
  t.strictSame(HostConfig.SecurityOpt, ['no-new-privileges'])
  t.equal(HostConfig.ReadonlyRootfs, true)
  t.ok(HostConfig.Memory > 0 && HostConfig.Memory <= 640 * 2 ** 20, `${HostConfig.Memory} bytes`)
  t.equal(HostConfig.MemorySwap, HostConfig.Memory)
  t.equal(HostConfig.PidsLimit, 512)
}

test('a container that makes or looks for faults is confined as a node is, but for the one capability it needs', async (t) => {
  resetAfter(t)
  const ids = await docker('inspect', '-f', '{{.Id}}', ...lab.nodes.map(({ container }) => container))
  const networks = ['none', ...ids.split('\n').map((id) => `container:${id}`)]
  // Asked the moment it is made, for it is gone when its command ends.
  const events = spawn('docker', ['events', '--filter', 'event=create', '--format', '{{.ID}} {{.From}}'])
  t.teardown(() => events.kill())
  const seen: Promise<Inspected | undefined>[] = []
  createInterface(events.stdout).on('line', (line) => {
    const [id, image] = line.split(' ')
    if (image?.includes('/faults:')) seen.push(described<Inspected>(`/containers/${id}/json`))
  })
  for (const args of [['isolate', 'backup'], ['slow', 'backup', '--rate', '100'], ['list'], ['heal']]) {
    const ran = await verb('fault', args)
    t.equal(ran.exit, 0, failureOf(ran))
  }
  const helpers = (await Promise.all(seen)).filter((it) => it !== undefined)
  const ours = helpers.filter(({ HostConfig }) => networks.includes(HostConfig.NetworkMode))
  t.ok(ours.length >= 4, `${ours.length} of ${seen.length} seen`)
  for (const it of ours) assertConfined(t, it, ['NET_ADMIN'])
})

test('a container that reads the data of a stopped database is confined as a node is', async (t) => {
  resetAfter(t)
  const node = lab.databases.find(({ name }) => name === 'db-replica')
  if (node === undefined) throw new Error('no db-replica')
  await docker('stop', containerOf('db-replica'))
  const reader = await withStoppedData(
    () => {},
    lab,
    node,
    async () => described<Inspected>(`/containers/${node.container}-reader/json`),
  )
  if (reader === undefined) throw new Error('no reader')
  assertConfined(t, reader, [])
})
