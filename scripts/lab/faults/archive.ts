import { act } from '../docker/command.ts'
import { BACKUPS_FOLDER } from '../docker/volume.ts'
import { change } from '../postgres/sql.ts'
import type { Kind, View } from './kind.ts'

type ArchiveOptions = { readonly how?: string }

/** Where WAL arrives, in a database's container. */
const ARCHIVE = `${BACKUPS_FOLDER}/archive`
/** A command that fails each time. */
const BROKEN = '/bin/false'

/** No segment of WAL gets into the archive any more: the primary keeps all of them, and tries again and again. */
export const archive: Kind<'archive', ArchiveOptions> = {
  name: 'archive',
  does: 'lets archiving fail, so that WAL piles up on the primary and nothing new can be restored',
  fits: 'the primary, if it archives its WAL',
  place: 'database',
  states: ['running'],
  hasPeers: false,
  hinders: false,
  options: {
    how: {
      value: 'way',
      says: 'command: the command that archives is broken (default); read-only: nobody may write into the repository',
      takes: ['command', 'read-only'],
    },
  },
  isFor: (view) => factsOf(view)?.archiver != null,
  inject: (tell, { view: { node }, options: { how = 'command' } }) =>
    how === 'command'
      ? change(tell, node, `alter system set archive_command = '${BROKEN}'`, 'select pg_reload_conf()')
      : act(tell, ['exec', node.container, 'chmod', '-R', 'u-w', ARCHIVE]),
  inForce: (view) => {
    const facts = factsOf(view)
    if (facts === undefined) return []
    return [
      ...(facts.archivesByHand === BROKEN ? [{ detail: `its archive_command is ${BROKEN}` }] : []),
      ...(facts.room?.archiveLocked ? [{ detail: 'nobody may write into the repository' }] : []),
    ]
  },
  heal: async (tell, _, node) => {
    await act(tell, ['exec', node.container, 'chmod', '-R', 'u+w', ARCHIVE])
    // After some failures PostgreSQL waits for a minute, or for the next segment.
    const statements = ['alter system reset archive_command', 'select pg_reload_conf()', 'select pg_switch_wal()']
    await change(tell, node, ...statements)
  },
}

/** What a primary said. On a standby such a fault does nothing. */
const factsOf = ({ database }: View) =>
  database !== undefined && 'inRecovery' in database && !database.inRecovery ? database : undefined
