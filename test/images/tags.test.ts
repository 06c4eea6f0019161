// Images are shared by all labs of a machine, so these tests run while no other lab does.
import { spawnSync } from 'node:child_process'
import { test } from 'tap'
import { environment } from '../../scripts/lab/docker/shell.ts'
import { changesOf, containerOf, docker, failureOf, statusText, verb } from '../the-lab.ts'

test('setup builds an image again if its tag was given to another one, and makes a container again if it runs the other one', async (t) => {
  const tag = await docker('inspect', '-f', '{{.Config.Image}}', containerOf('db-primary'))
  const own = await docker('inspect', '-f', '{{.Image}}', containerOf('db-primary'))
  const other = await docker('inspect', '-f', '{{.Image}}', containerOf('loader'))
  await docker('tag', other, tag)
  t.teardown(async () => {
    const ran = await verb('setup')
    if (ran.exit !== 0) throw new Error(failureOf(ran))
  })
  t.match(await statusText(), `db-primary: it runs another image than ${tag} is now`)
  await changesOf()
  const built = await docker('image', 'inspect', '-f', '{{.Id}}', tag)
  t.not(built, other)
  t.equal(await docker('inspect', '-f', '{{.Image}}', containerOf('db-primary')), built)

  // Of the lab's own, but not what the tag stands for any more.
  const again = `FROM ${own}\nLABEL failover-lab.tag=${tag} again=yes\n`
  spawnSync('docker', ['build', '-q', '-t', tag, '-'], { input: again, env: environment({}) })
  t.match(await statusText(), /changed by hand: db-primary, db-replica;/)
  t.match(await changesOf(), { 'db-primary': 'made', 'db-replica': 'made', loader: 'unchanged' })
  t.notMatch(await statusText(), 'changed by hand')
})
