// Is the generated code what the .proto file generates today? Exit code 1 and the difference where not.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')
const fresh = mkdtempSync(join(tmpdir(), 'proto-check-'))
const run = (command: string, args: readonly string[]): number =>
  spawnSync(command, args, { cwd: ROOT, stdio: 'inherit' }).status ?? 1

try {
  const generated = run('buf', ['generate', 'proto', '--template', 'proto/buf.gen.yaml', '-o', fresh])
  const same = generated === 0 && run('diff', ['-r', join(fresh, 'proto/gen'), 'proto/gen']) === 0
  if (generated === 0 && !same)
    console.error('✗ proto/gen is not what proto/polling.proto generates\n  → npm run proto:generate')
  process.exitCode = same ? 0 : 1
} finally {
  rmSync(fresh, { recursive: true, force: true })
}
