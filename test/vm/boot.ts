import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { $ } from 'zx/core'
import type { Provider } from '../../vm/box/settings.ts'
import { type Architecture, boxFileName, boxSettings, ownArchitecture } from '../../vm/box/settings.ts'

const ROOT = join(import.meta.dirname, '../..')
const patience = Number(process.env['LAB_PATIENCE'] || 1)
const BOOT_SECONDS = 160 * patience

/** Hardware for QEMU, from the box's files: the machine, and the disk `disk` and the network `net` in it. */
export type Hardware = (files: string) => Promise<readonly string[]>

/** The box that was built for this provider and processor, or what to say if there is none. */
export function builtBox(provider: Provider, architecture: Architecture) {
  const path = join(ROOT, 'vm/build', boxFileName({ ...boxSettings(), architecture }, provider))
  const skip = `there is no box: zx vm/box.ts --provider ${provider} --architecture ${architecture}`
  return { path, architecture, ...(existsSync(path) ? {} : { skip }) }
}

/** QEMU for each processor. */
const QEMU: Readonly<Record<Architecture, readonly string[]>> = {
  // The model is the one that the Vagrantfile has for an emulated machine.
  amd64: ['qemu-system-x86_64', '-cpu', 'Nehalem', '-vga', 'std'],
  arm64: ['qemu-system-aarch64', '-cpu', 'cortex-a72', '-bios', '/usr/share/qemu-efi-aarch64/QEMU_EFI.fd'],
}

/**
 * Boots the image `image` of a box in QEMU, on the hardware that its files name, and logs in as Vagrant does at first.
 * Gives what the command `said` in there.
 */
export async function bootAndAsk(
  t: Test,
  box: ReturnType<typeof builtBox>,
  image: string,
  hardware: Hardware,
  command: string,
) {
  const files = t.testdir()
  await $`tar -C ${files} -xf ${box.path}`.quiet()
  const key = await vagrantKey(files)
  const port = await freePort()
  const [program = '', ...processor] = QEMU[box.architecture]
  const machine = spawn(
    program,
    [
      ...['-accel', accelerator(box.architecture), ...processor],
      // -nodefaults: no serial port either, nor what else is not named.
      ...'-smp 1 -m 1024 -nodefaults -display none'.split(' '),
      ...(await hardware(files)),
      ...['-drive', `file=${join(files, image)},if=none,id=disk,snapshot=on`],
      ...['-netdev', `user,id=net,hostfwd=tcp:127.0.0.1:${port}-:22`],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let said = ''
  machine.on('error', (error) => {
    said += `${error.message}\n`
  })
  machine.stderr.on('data', (text) => {
    said += text
  })
  t.teardown(async () => {
    if (machine.exitCode === null && machine.kill()) await once(machine, 'exit')
  })
  // There is no tearing down when the test takes too long.
  process.once('exit', () => machine.kill())

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

// Emulated unless told otherwise: /dev/kvm may be there and not work.
const accelerator = (architecture: Architecture): string =>
  process.env['LAB_VM_DRIVER'] === 'kvm' && architecture === ownArchitecture() ? 'kvm' : 'tcg'

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
