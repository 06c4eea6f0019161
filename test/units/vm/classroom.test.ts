import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import fc from 'fast-check'
import { type Test, test } from 'tap'
import { $ } from 'zx/core'
import { freshnessText, lockedNames, outdated, parsePolicy } from '../../../vm/box/classroom/archive.ts'
import { comparisonText, differencesOf } from '../../../vm/box/classroom/differences.ts'
import { layerNames, listFiles, manifestText, parseManifest } from '../../../vm/box/classroom/manifest.ts'
import { MEMBERS, manifestIn, packProject } from '../../../vm/box/classroom/members.ts'
import {
  assertLocked,
  changedText,
  lockText,
  parseLock,
  readLock,
  unlike,
} from '../../../vm/box/classroom/packages-lock.ts'
import { Problem } from '../../../vm/box/problem.ts'
import { steps } from '../../../vm/box/step.ts'
import { parsePackages } from '../../../vm/box/system/installed.ts'

const run = $({ quiet: true })

async function folder(t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'vm-classroom-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

const made = new Date('2026-01-02T03:04:05Z')

test('the lock in the repository can be read, and names the packages that every box needs', async (t) => {
  const { packages } = await readLock()
  t.match(packages, {
    machine: { 'docker.io': String },
    postgres: { 'postgresql-17': String },
    loader: { nginx: String },
  })
})

test('a lock is read as it was written, and a line that makes no sense is named', async (t) => {
  const lock = { made, packages: { machine: { bash: '5.2-1', 'lib++': '1:2~rc1+b3' }, loader: { nginx: '1.26' } } }
  t.strictSame(parseLock(lockText(lock)), lock)
  t.throws(() => parseLock(`${lockText(lock)}machine bash\n`), {
    message: /line \d+ is "machine bash"/,
    fix: /--refresh/,
  })
  t.throws(() => parseLock('machine bash 5\n'), { message: /no line "made"/ })
})

test('packages that are newer, missing or too many are each said; only a locked build refuses them', async (t) => {
  const locked = { a: '1', b: '1', c: '1' }
  const found = { a: '1', b: '2', d: '1' }
  t.strictSame(unlike(locked, found), ['b 2 (locked: 1)', 'c missing (locked: 1)', 'd 1 (locked: none)'])
  const lock = { made, packages: { machine: locked } }
  t.doesNotThrow(() => assertLocked(lock, { machine: locked }))
  const refused = () => assertLocked(lock, { machine: found })
  t.throws(refused, {
    name: 'Problem',
    message: /3 differ:\n {2}machine: b 2/,
    fix: /--refresh.*LAB_MIRROR.* 2026-01-02/,
  })
  t.equal(changedText(lock, { machine: locked }), '')
  t.match(changedText(lock, { machine: found }), /3 differ:\n {2}machine: b 2 .*--refresh.*--locked/s)
})

test('a step that refuses keeps its own fix', async (t) => {
  const { step } = steps(() => {})
  await t.rejects(
    step('a step', 1, () => Promise.reject(new Problem('why', 'the way out'))),
    { message: 'why', fix: 'the way out' },
  )
})

test('a lock that is older than the archive is found from its indices alone', async (t) => {
  const policy =
    'bash:\n  Installed: (none)\n  Candidate: 5.2-2\n  Version table:\n     5.2-2 500\ngone:\n  Candidate: (none)\n'
  const lock = { made, packages: { machine: { bash: '5.2-1', gone: '1' }, base: { bash: '5.2-1' } } }
  t.strictSame(lockedNames(lock), ['bash', 'gone'])
  const other = outdated(lock, parsePolicy(policy))
  t.strictSame(other, ['bash 5.2-2 (locked: 5.2-1)', 'gone missing (locked: 1)'])
  t.match(freshnessText(lock, other), /2026-01-02.* 2 of its packages:\n {2}bash 5.2-2.*--classroom/s)
  t.match(freshnessText(lock, []), /^✓/)
})

test('only what is installed is a package of the box', async (t) => {
  t.strictSame(parsePackages('installed bash 5.2-1\nconfig-files old 1\n\n'), { bash: '5.2-1' })
})

test('every file is listed with everything that would make it a different file', async (t) => {
  const root = await folder(t)
  await writeFile(join(root, 'plain'), 'content', { mode: 0o640 })
  await run`ln -s ${'to a place'} ${join(root, 'link')} && mkdir -p ${join(root, 'var/lib/docker/x')} ${join(root, 'a\tb')}`
  const files = await listFiles(run, root, [])
  t.strictSame([...files.keys()], ['a\tb', 'link', 'plain', 'var', 'var/lib'], "not the engine's own")
  t.match(files.get('plain'), /^f\t640\t\d+:\d+\t7\t[0-9a-f]{64}$/)
  t.match(files.get('link'), /->\tto a place$/)
  await writeFile(join(root, 'plain'), 'another')
  t.strictSame(
    [...differencesOf(files, await listFiles(run, root, []))].map(({ path }) => path),
    ['plain'],
  )
})

test('layers are named by the smallest image that has them, whatever their folders are called', async (t) => {
  const image = (name: string, layers: string[]) => ({ name, tag: `${name}:1`, packages: {}, layers })
  const names = layerNames([image('server', ['b', 'r', 's']), image('base', ['b']), image('runtime', ['b', 'r'])])
  t.strictSame([...names.values()], ['image base layer 1', 'image runtime layer 2', 'image server layer 3'])
})

test('a manifest is read as it was written, whatever files are called', async (t) => {
  const entry = fc.tuple(fc.string({ minLength: 1 }), fc.stringMatching(/^[ -~\t]*$/))
  fc.assert(
    fc.property(fc.array(entry), (entries) => {
      const manifest = new Map(entries)
      t.strictSame([...parseManifest(manifestText(manifest))], [...manifest])
    }),
    { numRuns: 50 },
  )
})

test('a difference without a known reason is shown, and counted', async (t) => {
  const prepared = 'image postgres layer 5:/usr/local/share/failover-lab/prepared.tar'
  const [one, other] = [
    new Map([
      [prepared, '1'],
      ['etc/x', '1'],
    ]),
    new Map([
      [prepared, '2'],
      ['etc/x', '1'],
      ['new', '3'],
    ]),
  ]
  const { text, unexplained } = comparisonText(one, other, differencesOf(one, other))
  t.equal(unexplained, 1)
  t.match(text, /identifier of its own:\n {4}image postgres.*\n✗ new\n {4}none\n {4}3\n/)
  const many = Array.from({ length: 7 }, (_, index) => ({
    path: `${index}`,
    one: 'a',
    other: 'b',
    why: 'for a reason',
  }))
  t.match(comparisonText(one, other, many).text, / {2}for a reason:\n {4}0\n( {4}\d\n){4} {4}and 2 more\n✓/)
  t.match(comparisonText(one, one, []), { unexplained: 0, text: /every difference has a known reason/ })
})

test('the manifest is found in a box, and a file that is not a box is refused', async (t) => {
  const path = await folder(t)
  const manifest = new Map([['etc/x', 'f\t644']])
  await writeFile(join(path, MEMBERS.manifest), await promisify(gzip)(manifestText(manifest)))
  await run`tar -C ${path} -cf ${join(path, 'a.box')} ${MEMBERS.manifest}`
  t.strictSame([...(await manifestIn(join(path, 'a.box')))], [...manifest])
  await writeFile(join(path, 'b.box'), 'no archive')
  await t.rejects(manifestIn(join(path, 'b.box')), Problem)
})

test('the project in the box is what Git knows of it, the same each time', async (t) => {
  const path = await folder(t)
  const [one, other] = [join(path, 'one.tar'), join(path, 'other.tar')]
  await packProject(run, one, made)
  await packProject(run, other, made)
  t.equal((await run`cmp ${one} ${other}`.nothrow()).exitCode, 0)
  const names = (await run`tar -tf ${one}`).lines()
  t.ok(names.includes('failover-lab/Vagrantfile') && names.includes('failover-lab/scripts/setup.ts'))
  t.notOk(names.some((name) => /^failover-lab\/(node_modules|\.git|\.vagrant|vm\/build|results)\//.test(name)))
})
