import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { attempt } from '../../scripts/lab/docker/command.ts'
import { imagesOf } from '../../scripts/lab/docker/images.ts'
import { lab, patience } from '../the-lab.ts'

const ROOT = join(import.meta.dirname, '../..')

// Run in the copy: builds two of its images under other names, and prints the names that they would have.
const BUILD = `
import { imagesOf, makeImage } from './scripts/lab/docker/images.ts'
import { readSettings } from './scripts/lab/settings.ts'
const { server, loader } = await imagesOf(readSettings())
for (const image of [server, loader])
  await makeImage(() => {}, { ...image, tag: process.argv[1] + '/' + image.name + ':test' }, ${patience})
console.log(JSON.stringify([server.tag, loader.tag]))`

test('a checkout that only its owner may read makes the same images, and they start', async (t) => {
  const copy = mkdtempSync(join(tmpdir(), 'failover-lab-modes-'))
  const name = copy.slice(copy.lastIndexOf('/') + 1).toLowerCase()
  const tags = ['server', 'loader'].map((image) => `${name}/${image}:test`)
  t.teardown(async () => {
    await attempt(['image', 'rm', ...tags])
    rmSync(copy, { recursive: true })
  })
  const parts = ['provisioning', 'scripts', 'vm', 'proto', 'server', 'package.json', 'package-lock.json']
  const bash = `umask 077 && cp -r --no-preserve=mode ${parts.join(' ')} "$0" && ln -s "$PWD/node_modules" "$0"`
  execFileSync('bash', ['-c', bash, copy], { cwd: ROOT })
  const modes = execFileSync('find', [copy, '-perm', '/077', '!', '-type', 'l'], { encoding: 'utf8' })
  t.equal(modes, '', 'nobody else may read the copy')

  const arguments_ = ['--input-type=module-typescript', '-e', BUILD, name]
  const built = execFileSync(process.execPath, arguments_, {
    cwd: copy,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const { server, loader } = await imagesOf(lab.settings)
  t.strictSame(JSON.parse(built), [server.tag, loader.tag])

  // Without settings the server ends with EX_CONFIG: it has read and run all of its files.
  t.match(await attempt(['run', '--rm', `${tags[0]}`]), { exit: 78 })
  const readable = 'cat /etc/nginx/nginx.conf /usr/local/bin/start >/dev/null'
  t.match(await attempt(['run', '--rm', `${tags[1]}`, 'bash', '-c', readable]), { exit: 0, stderr: '' })
})
