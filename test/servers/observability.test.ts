import { test } from 'tap'
import { client, ok } from '../grpc.ts'
import { addressOf, containerOf, docker } from '../the-lab.ts'

/** What a server's metrics port answers, asked from inside its container. */
const get = (name: 'primary' | 'backup', path: string) =>
  docker(
    'exec',
    containerOf(name),
    'node',
    '-e',
    `fetch('http://127.0.0.1:9464${path}').then(async (r) => console.log(r.status + '\\n' + await r.text()))`,
  )

for (const name of ['primary', 'backup'] as const) {
  test(`${name}: calls are counted on the metrics port, by method and status`, async (t) => {
    const it = client(addressOf(name))
    const counted = async () => {
      const lines = (await get(name, '/metrics')).split('\n')
      const line = lines.find((text) => /_count\{/.test(text) && /ListPolls/.test(text) && /"OK"/.test(text))
      return Number(line?.split(' ').at(-1) ?? 0)
    }
    const before = await counted()
    for (let call = 0; call < 5; call++) await ok(it.listPolls())
    it.close()
    t.equal((await counted()) - before, 5)
  })

  test(`${name}: it says that it is ready, and logs lines of JSON`, async (t) => {
    t.match(await get(name, '/ready'), /^200\n/)
    const lines = (await docker('logs', '--tail', '20', containerOf(name))).split('\n').filter((line) => line !== '')
    t.ok(lines.length > 0)
    for (const line of lines) t.match(JSON.parse(line), { level: String, time: String, msg: String })
  })
}
