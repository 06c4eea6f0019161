import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'tap'

const ROOT = join(import.meta.dirname, '../../..')

// Loads a module as a verb does, and prints every file that came with it.
const LOADED = `
import { registerHooks } from 'node:module'
registerHooks({ load: (url, context, next) => { console.log(url); return next(url, context) } })
await import('./scripts/lab/verbs/' + process.argv[1] + '.ts')`

/** Packages that a verb loads at its start. */
function packagesOf(verb: string): readonly string[] {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', LOADED, verb],
    { cwd: ROOT, encoding: 'utf8' },
  )
  const found = [...stdout.matchAll(/node_modules\/((?:@[^/]+\/)?[^/\n]+)\/(?!node_modules)/g)].map(
    ([, name]) => `${name}`,
  )
  if (found.length === 0) throw new Error(stderr)
  return [...new Set(found)]
}

// In an emulated VM zod takes a second to load, protobufjs with what loads it half of one.
for (const verb of ['status', 'setup', 'reset'])
  test(`${verb} loads neither a library of schemas nor a parser of .proto files`, async (t) => {
    const packages = packagesOf(verb)
    t.ok(packages.includes('@grpc/grpc-js'), `it loads ${packages.join(', ')}`)
    for (const heavy of ['zod', 'protobufjs', '@grpc/proto-loader', 'grpc-health-check'])
      t.notOk(packages.includes(heavy), heavy)
  })
