import { spawnSync } from 'node:child_process'
import { totalmem } from 'node:os'
import { test } from 'tap'
import { type Resources, resourcesOf, shortcoming, type Work } from '../../../scripts/lab/verbs/machine.ts'

const ENOUGH: Resources = { architecture: 'x86_64', memory: 1000, folder: '/var/lib/docker', disk: 3000 }
const ALL: Work = { startsAll: true, more: 0, buildsImages: true }

const codeOf = (machine: Partial<Resources>, work: Partial<Work> = {}): string | undefined =>
  shortcoming({ ...ENOUGH, ...machine }, { ...ALL, ...work })?.code

test('amd64 and arm64 are accepted under both of their names, and no other processor is', async (t) => {
  for (const architecture of ['x86_64', 'amd64', 'aarch64', 'arm64']) t.equal(codeOf({ architecture }), undefined)
  for (const architecture of ['armv7l', 'riscv64', 's390x', '']) t.equal(codeOf({ architecture }), 'ARCHITECTURE')
})

test('1000 MiB of memory are needed to start five nodes, more for each further database, and none to start some', async (t) => {
  t.equal(codeOf({ memory: 1000 }), undefined)
  t.equal(codeOf({ memory: 999 }), 'MEMORY_LOW')
  t.equal(codeOf({ memory: 1199 }, { more: 2 }), 'MEMORY_LOW')
  t.equal(codeOf({ memory: 999 }, { startsAll: false }), undefined)
})

test('3000 MiB of disk are needed to build images, 1000 otherwise', async (t) => {
  t.equal(codeOf({ disk: 3000 }), undefined)
  t.equal(codeOf({ disk: 2999 }), 'DISK_LOW')
  t.equal(codeOf({ disk: 1000 }, { buildsImages: false }), undefined)
  t.equal(codeOf({ disk: 999 }, { buildsImages: false }), 'DISK_LOW')
})

test('a shortcoming says what there is, what is needed, and where', async (t) => {
  t.match(shortcoming({ ...ENOUGH, memory: 7 }, ALL)?.message, '7 MiB of memory are available, but the lab needs 1000')
  t.match(
    shortcoming({ ...ENOUGH, disk: 7 }, ALL)?.message,
    '7 MiB are free in /var/lib/docker, but the lab needs 3000',
  )
  t.match(shortcoming({ ...ENOUGH, architecture: 'mips' }, ALL)?.message, 'mips')
})

test('an unknown figure stops nothing', async (t) => {
  t.equal(codeOf({ memory: undefined, disk: undefined }), undefined)
})

test('this machine is read in MiB', async (t) => {
  const { architecture, memory, folder, disk } = await resourcesOf('x86_64', '/')
  t.equal(architecture, 'x86_64')
  t.equal(folder, '/')
  t.ok(memory !== undefined && memory > 0 && memory <= totalmem() / 2 ** 20, `${memory} MiB of memory`)
  const df = Number(spawnSync('df', ['-m', '--output=avail', '/'], { encoding: 'utf8' }).stdout.split('\n')[1])
  // Others write to it meanwhile.
  t.ok(disk !== undefined && Math.abs(disk - df) < 500, `${disk} MiB of disk, df says ${df}`)
})

test('a folder that cannot be looked into has no known space', async (t) => {
  t.equal((await resourcesOf('x86_64', '/nowhere/at/all')).disk, undefined)
})
