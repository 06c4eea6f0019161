import { randomBytes } from 'node:crypto'
import { test } from 'tap'
import { fromRegistry } from '../../scripts/lab/docker/base-image.ts'
import { attempt } from '../../scripts/lab/docker/command.ts'
import { startRegistry } from '../registry.ts'
import { docker, patience } from '../the-lab.ts'

test('a base image from a registry is taken by its digest, which is recorded with the versions of its packages', async (t) => {
  const image = `${await startRegistry(t)}/debian:trixie-slim`
  const tag = `failover-lab-test/base:${randomBytes(3).toString('hex')}`
  t.teardown(() => attempt(['image', 'rm', tag, image]))
  await docker('tag', 'failover-lab/base:trixie', image)
  const [digest] = /sha256:[0-9a-f]{64}/.exec(await docker('push', image)) ?? []
  await docker('image', 'rm', image)

  const told: string[] = []
  t.equal(await fromRegistry((line) => told.push(line), image, tag, 5 * patience), 'made', told.join('\n'))
  const exact = `${image.replace(':trixie-slim', '')}@${digest}`
  t.match(told.join('\n'), `BASE=${exact}`)
  t.equal(await docker('image', 'inspect', '-f', '{{index .Config.Labels "failover-lab.base"}}', tag), exact)
  const inside = (...command: string[]) => docker('run', '--rm', '--network', 'none', tag, ...command)
  const recorded = await inside('cat', '/etc/failover-lab/packages.txt')
  t.match(recorded, /^libc6(:\w+)?\t\d/m)
  t.equal(recorded, await inside('dpkg-query', '-W'))
})

test('if no registry answers, the reason is given and nothing is made', async (t) => {
  const tag = `failover-lab-test/base:${randomBytes(3).toString('hex')}`
  const said = await fromRegistry(() => {}, '127.0.0.1:1/debian:trixie-slim', tag, 5 * patience)
  t.match(said, /refused/)
  t.not((await attempt(['image', 'inspect', tag])).exit, 0)
})
