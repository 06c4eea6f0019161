import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { $ } from 'zx/core'
import type { Provider } from '../../vm/box/format.ts'
import { boxFileName, boxSettings } from '../../vm/settings.ts'

const ROOT = join(import.meta.dirname, '../..')
const patience = Number(process.env['LAB_PATIENCE'] || 1)
const BOOT_SECONDS = 160 * patience

/** Hardware for QEMU: the machine, and the disk `disk` and the network `net` in it. */
export type Hardware = (files: string) => Promise<readonly string[]>

/** The box that was built for `provider`, or what to say where there is none. */
export function builtBox(provider: Provider): { readonly path: string; readonly skip?: string } {
  const path = join(ROOT, 'vm/build', boxFileName(boxSettings().box, provider))
  return existsSync(path) ? { path } : { path, skip: `there is no box: zx vm/box.ts --provider ${provider}` }
}

/**
 * Boots the image `image` of a box in QEMU, on the hardware that its files name, and logs in as Vagrant does at first.
 * Gives what the command `said` in there.
 */
export async function bootAndAsk(t: Test, box: string, image: string, hardware: Hardware, command: string) {
  const files = t.testdir()
  await $`tar -C ${files} -xf ${box}`.quiet()
  const key = await vagrantKey(files)
  const port = await freePort()
  const machine = spawn(
    'qemu-system-x86_64',
    [
      // Emulated unless told otherwise, with the processor that the Vagrantfile then chooses; /dev/kvm may be there and
      // not work. -nodefaults: no serial port either, nor what else is not named.
      ...['-accel', process.env['LAB_VM_DRIVER'] === 'kvm' ? 'kvm' : 'tcg', '-cpu', 'Nehalem', '-smp', '1'],
      ...'-m 1024 -nodefaults -vga std -display none'.split(' '),
      ...(await hardware(files)),
      ...['-drive', `file=${join(files, image)},if=none,id=disk,snapshot=on`],
      ...['-netdev', `user,id=net,hostfwd=tcp:127.0.0.1:${port}-:22`],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let said = ''
  machine.stderr.on('data', (text) => {
    said += text
  })
  t.teardown(async () => {
    if (machine.exitCode === null && machine.kill()) await once(machine, 'exit')
  })

  const options =
    'BatchMode=yes IdentitiesOnly=yes StrictHostKeyChecking=no UserKnownHostsFile=/dev/null LogLevel=ERROR'
  const login = [...options.split(' ').flatMap((option) => ['-o', option]), '-o', 'ConnectTimeout=10', '-i', key]
  const deadline = performance.now() + BOOT_SECONDS * 1000
  for (;;) {
    const asked = await $({ quiet: true, nothrow: true })`ssh ${login} -p ${port} vagrant@127.0.0.1 ${command}`
    if (asked.exitCode === 0) return asked.stdout
    if (machine.exitCode !== null) throw new Error(`QEMU ended: ${said}`)
    if (performance.now() > deadline) throw new Error(`no login within ${BOOT_SECONDS} s: ${asked.stderr}${said}`)
    await sleep(1000)
  }
}

/** The key that every Vagrant has for machines it has not logged in to yet: it makes the file at its first command. */
async function vagrantKey(folder: string): Promise<string> {
  const home = join(folder, 'vagrant')
  await $({ quiet: true, cwd: folder, env: { ...process.env, VAGRANT_HOME: home } })`vagrant box list`
  const key = join(home, 'insecure_private_key')
  await chmod(key, 0o600)
  return key
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  await new Promise((closed) => server.close(closed))
  if (address === null || typeof address === 'string') throw new Error('the system gave no port')
  return address.port
}
