import { test } from 'tap'
import { docker, lab } from '../the-lab.ts'

type Inspected = {
  readonly HostConfig: {
    readonly CapDrop: readonly string[]
    readonly SecurityOpt: readonly string[]
    readonly Memory: number
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
