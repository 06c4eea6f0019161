import { act } from '../docker/command.ts'
import { removeNodes } from '../docker/creation.ts'
import { shapeOf } from '../docker/here.ts'
import { labError } from '../errors.ts'
import { lookAtDatabases } from '../postgres/sights.ts'
import { change } from '../postgres/sql.ts'
import { writeStartNote } from '../postgres/start-note.ts'
import { membersOf, seenOf } from '../rules/members.ts'
import type { ManagerName } from '../settings.ts'
import type { Reporter } from '../steps.ts'
import { type Lab, labOf } from '../topology/topology.ts'

/** The lab with the manager that it has on the engine; the lab itself if it is not set up. */
export async function asManaged(lab: Lab): Promise<Lab> {
  const manager = (await shapeOf(lab))?.manager ?? lab.settings.manager
  return manager === lab.settings.manager ? lab : labOf({ ...lab.settings, manager })
}

/**
 * Stops all databases and removes the stores, so that the next manager can start the databases with their data. Before anything
 * changes, each standby has to stream: of a database that is down nobody knows what only that one has.
 */
export const leaveManager = (asked: Lab, next: ManagerName, { step }: Reporter): Promise<void> =>
  step(
    `Change the manager from ${asked.settings.manager} to ${next}: votes are kept, none is taken meanwhile`,
    async ({ tell }) => {
      // Standbys that are asked for and not there yet are made by the next manager.
      const lab = labOf({ ...asked.settings, ...(await shapeOf(asked)) })
      const sights = await lookAtDatabases(lab)
      const { primary, rivals, standbys, silent } = membersOf(sights)
      const away = [...rivals, ...silent, ...standbys.filter(({ facts }) => facts.receiver !== 'streaming')]
      if (primary === undefined || away.length > 0)
        throw labError('MANAGER_UNCHANGED', {
          lab: lab.name,
          next,
          manager: lab.settings.manager,
          seen: seenOf(sights),
        })
      // The next manager has a place of its own for the durability level, and these settings would go before it.
      const reset = ['synchronous_standby_names', 'synchronous_commit'].map((it) => `alter system reset ${it}`)
      for (const { node } of [primary, ...standbys]) await change(tell, node, ...reset)
      // While the primary runs nobody is promoted, and when it ends nobody is there who could be.
      await act(tell, ['stop', ...standbys.map(({ node }) => node.container)])
      await act(tell, ['stop', primary.node.container])
      for (const { node } of standbys) await writeStartNote(tell, node, { do: 'follow', from: primary.node.name })
      await removeNodes(tell, lab, lab.stores)
    },
  )
