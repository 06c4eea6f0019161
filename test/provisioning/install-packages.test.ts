import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { attempt } from '../../scripts/lab/docker/command.ts'
import { docker, lab } from '../the-lab.ts'

const SCRIPT = join(import.meta.dirname, '../../provisioning/install-packages')

/** A bare Debian with the script in it; gives how to run something there. */
async function machine(t: Test) {
  const [loader] = lab.nodes.filter(({ kind }) => kind === 'loader')
  const image = await docker('inspect', '-f', '{{.Config.Image}}', loader?.container ?? '')
  const options = ['--user', 'root', '--network', 'host', '--entrypoint', 'sleep']
  const id = await docker('run', '--detach', '--rm', ...options, image, 'infinity')
  t.teardown(() => docker('kill', id))
  const run = (command: string) => attempt(['exec', '-i', id, 'bash', '-c', command])
  await attempt(
    ['exec', '-i', id, 'bash', '-c', 'cat > /install-packages && chmod +x /install-packages'],
    await readFile(SCRIPT),
  )
  return run
}

// Its configuration is ended by force the first time, as by the loss of power.
const INTERRUPTED = `
  mkdir -p /p/DEBIAN
  printf 'Package: cut-short\\nVersion: 1\\nArchitecture: all\\nMaintainer: us <us@example.org>\\nDescription: a test\\n' > /p/DEBIAN/control
  printf '#!/bin/sh\\n[ -e /tried ] || { touch /tried; kill -9 $PPID; }\\n' > /p/DEBIAN/postinst
  chmod +x /p/DEBIAN/postinst
  dpkg-deb --build /p /p.deb && dpkg -i /p.deb`

const stateOf = (name: string): string => `dpkg-query -W -f '\${db:Status-Status}' ${name}`

test('packages are installed even if an earlier installation was interrupted', async (t) => {
  const run = await machine(t)
  t.not((await run(INTERRUPTED)).exit, 0)
  t.match((await run('apt-get update && apt-get install -y hello')).stderr, /dpkg was interrupted/)
  const installed = await run("/install-packages hello 'no-such-package?'")
  t.equal(installed.exit, 0, installed.stderr)
  t.match(installed.stderr, /^An earlier installation of packages was interrupted/)
  t.equal((await run(stateOf('hello'))).stdout, 'installed')
  t.equal((await run(stateOf('cut-short'))).stdout, 'installed')
  const again = await run('/install-packages hello')
  t.match(again, { exit: 0, stdout: '', stderr: '' })
})

test('a package that does not exist is named, and nothing else is said', async (t) => {
  const run = await machine(t)
  const failed = await run('/install-packages no-such-package')
  t.not(failed.exit, 0)
  t.match(failed.stderr, /Unable to locate package no-such-package/)
})
