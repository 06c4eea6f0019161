import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { engine } from '../../../scripts/lab/docker/api.ts'

test('an engine that takes a question and never answers it is an error with a fix, not a wait for ever', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'engine-'))
  const socket = join(folder, 'engine.sock')
  const silent = createServer((asked, answer) => {
    // The second question gets the beginning of an answer.
    if (asked.url === '/half') answer.write('{"State":')
  })
  await new Promise<void>((resolve) => silent.listen(socket, resolve))
  t.teardown(async () => {
    silent.closeAllConnections()
    silent.close()
    await rm(folder, { recursive: true })
  })
  process.env['DOCKER_HOST'] = `unix://${socket}`
  for (const path of ['/none', '/half'])
    await t.rejects(engine('GET', path, { seconds: 0.2 }), {
      code: 'ENGINE_SILENT',
      message: new RegExp(`no answer to GET ${path} within 0.2 s`),
    })
})
