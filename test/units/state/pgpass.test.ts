import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'tap'
import { readSettings } from '../../../scripts/lab/settings.ts'
import { stateFolder } from '../../../scripts/lab/state/folder.ts'
import { forgetPassword, rememberPassword, whyPsqlAsks } from '../../../scripts/lab/state/pgpass.ts'
import { makePrivateFolder, writePrivately } from '../../../scripts/lab/state/private-files.ts'
import { endpoints } from '../../../scripts/lab/terminal/endpoints.ts'
import { labOf, psqlPlaceOf } from '../../../scripts/lab/topology/topology.ts'
import { homeFolder } from '../../../scripts/lab/user.ts'

const root = mkdtempSync(join(tmpdir(), 'pgpass '))
const file = join(root, 'pgpass')
process.env['PGPASSFILE'] = file
const PORT = 15432
const PLACE = { hosts: ['localhost', '127.0.0.1'], port: PORT }
const OURS = `localhost:${PORT}:polling:owner:secret\n127.0.0.1:${PORT}:polling:owner:secret\n`
const read = () => readFileSync(file, 'utf8')

test('in the password file only our lines change, and all are gone again afterwards', async (t) => {
  const line = fc.oneof(
    fc.constantFrom(
      '# mine',
      '',
      '*:*:*:me:x',
      'localhost:5432:polling:owner:other',
      `localhost:1${PORT}:polling:owner:y`,
    ),
    fc.string({ unit: 'grapheme', maxLength: 10 }),
  )
  const text = fc
    .tuple(fc.array(line), fc.constantFrom('\n', '\r\n'), fc.boolean())
    .map(([lines, end, last]) => lines.join(end) + (last ? end : ''))
  await fc.assert(
    fc.asyncProperty(text, async (before) => {
      writeFileSync(file, before, { mode: 0o600 })
      await rememberPassword(PLACE, 'old')
      await rememberPassword(PLACE, 'secret')
      t.equal(read(), OURS + before)
      t.equal(await whyPsqlAsks(PLACE), undefined)
      await forgetPassword(PLACE)
      t.equal(read(), before)
    }),
    { numRuns: 50 },
  )
})

test('psql finds the password at the address that the lab is published on', async (t) => {
  t.teardown(() => rmSync(file))
  for (const [LAB_BIND, hosts] of [
    [undefined, ['localhost', '127.0.0.1']],
    ['0.0.0.0', ['localhost', '127.0.0.1']],
    ['127.0.0.2', ['127.0.0.2']],
    ['192.0.2.7', ['192.0.2.7']],
  ] as const) {
    rmSync(file, { force: true })
    const lab = labOf(readSettings({ LAB_BIND, LAB_PORT_OFFSET: '10000' }))
    await rememberPassword(psqlPlaceOf(lab), 'secret')
    t.equal(read(), hosts.map((host) => `${host}:15432:polling:owner:secret\n`).join(''))
    t.match(endpoints(lab, 'db-primary'), `psql -h ${hosts[0]} -p 15432 -U owner polling`)
    t.match(endpoints(lab, 'db-primary'), `${hosts.at(-1)}:18080`)
    t.equal(endpoints(lab, 'db-primary').includes(`LAB_BIND=${LAB_BIND} npm`), hosts.length === 1)
    await forgetPassword(psqlPlaceOf(lab))
    t.equal(read(), '')
  }
})

test('a password file that is a link stays one, also to nothing yet', async (t) => {
  t.teardown(() => rmSync(file))
  rmSync(file, { force: true })
  mkdirSync(join(root, 'dotfiles'))
  const real = join(root, 'dotfiles', 'pgpass')
  symlinkSync('link', join(root, 'pgpass'))
  symlinkSync('dotfiles/pgpass', join(root, 'link'))
  await rememberPassword(PLACE, 'secret')
  t.equal(readFileSync(real, 'utf8'), OURS)
  t.equal(statSync(real).mode & 0o777, 0o600)
  writeFileSync(real, '# mine')
  await rememberPassword(PLACE, 'secret')
  t.equal(readFileSync(real, 'utf8'), `${OURS}# mine`)
  t.ok(lstatSync(file).isSymbolicLink() && lstatSync(join(root, 'link')).isSymbolicLink())
})

test('a password file that psql ignores, or that must not be written, stays as it is, and setup says so', async (t) => {
  const cases: [string, () => void, RegExp][] = [
    ['readable by others', () => writeFileSync(file, 'x', { mode: 0o640 }), /others may read it: chmod 600/],
    ['read-only', () => writeFileSync(file, 'x', { mode: 0o400 }), /read-only/],
    ['a folder', () => mkdirSync(file), /is not a file/],
    ['a device', () => symlinkSync('/dev/null', file), /is not a file/],
    ['a circle', () => symlinkSync(file, file), /ELOOP/],
  ]
  for (const [name, make, says] of cases) {
    rmSync(file, { recursive: true, force: true })
    make()
    const before = lstatSync(file)
    await rememberPassword(PLACE, 'secret')
    await forgetPassword(PLACE)
    const { ino, mode, size } = lstatSync(file)
    t.strictSame([ino, mode, size], [before.ino, before.mode, before.size], name)
    t.match(await whyPsqlAsks(PLACE), says, name)
  }
  rmSync(file)
  writeFileSync(file, OURS)
  chmodSync(file, 0o644)
  t.match(await whyPsqlAsks(PLACE), /others may read it/)
})

test('a file that root writes for somebody else belongs to that user', {
  skip: process.getuid?.() !== 0 && 'needs root',
}, async (t) => {
  t.teardown(() => rmSync(root, { recursive: true }))
  const home = join(root, 'home')
  mkdirSync(home)
  chownSync(home, 12345, 54321)
  await makePrivateFolder(join(home, '.local', 'state'))
  await writePrivately(join(home, '.local', 'state', 'file'), 'x')
  for (const path of ['.local', '.local/state', '.local/state/file']) {
    const { uid, gid } = statSync(join(home, path))
    t.strictSame([uid, gid], [12345, 54321], path)
  }
  chownSync(join(home, '.local/state/file'), 11111, 11111)
  await writePrivately(join(home, '.local/state/file'), 'y')
  t.equal(statSync(join(home, '.local/state/file')).uid, 11111)
  t.ok(existsSync(home))
})

test('a user without a home, or with an odd one, is told what is missing', async (t) => {
  const lab = labOf(readSettings({}))
  const { HOME, XDG_STATE_HOME } = process.env
  t.teardown(() => Object.assign(process.env, { HOME }, XDG_STATE_HOME === undefined ? {} : { XDG_STATE_HOME }))
  process.env['XDG_STATE_HOME'] = 'relative'
  process.env['HOME'] = '/somewhere'
  t.equal(stateFolder(lab), '/somewhere/.local/state/failover-lab/default')
  process.env['XDG_STATE_HOME'] = '/state'
  t.equal(stateFolder(lab), '/state/failover-lab/default')
  delete process.env['XDG_STATE_HOME']
  process.env['HOME'] = 'relative'
  t.throws(() => stateFolder(lab), { code: 'STATE_FOLDER', fix: /XDG_STATE_HOME/ })
  t.equal(homeFolder({ HOME: '/' }), '/')
})
