import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { test } from 'tap'
import { readSettings } from '../../../scripts/lab/settings.ts'
import { stateFolder } from '../../../scripts/lab/state/folder.ts'
import { keepVotes, keptVotes } from '../../../scripts/lab/state/kept-votes.ts'
import { createSecrets, forgetLab } from '../../../scripts/lab/state/secrets.ts'
import { labOf } from '../../../scripts/lab/topology/topology.ts'

test('lists of lost votes outlive the lab that lost them, and its passwords do not', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'failover-lab-kept-'))
  const before = process.env['XDG_STATE_HOME']
  process.env['XDG_STATE_HOME'] = folder
  t.teardown(() => {
    if (before === undefined) delete process.env['XDG_STATE_HOME']
    else process.env['XDG_STATE_HOME'] = before
    rmSync(folder, { recursive: true, force: true })
  })
  const lab = labOf(readSettings({ LAB_NAME: 'one' }))
  await createSecrets(lab)
  const files = [
    await keepVotes(lab, 'diverged-votes', [{ user: 'ann' }]),
    await keepVotes(lab, 'votes-before-restore', [{ user: 'bob' }]),
  ]
  await forgetLab(lab)
  t.strictSame(readdirSync(stateFolder(lab)).sort(), files.map((file) => basename(file)).sort())
  t.strictSame((await keptVotes(lab)).toSorted(), files.sort())
})
