import { once } from 'node:events'
import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { start } from '../docker/command.ts'
import { LabError } from '../errors.ts'
import { interruption } from '../interruption.ts'
import { lookAtDatabases } from '../postgres/sights.ts'
import { ask } from '../postgres/sql.ts'
import { primaryOf } from '../rules/members.ts'
import { pollingClient } from '../service/client.ts'
import type { DatabaseNode, Lab, ServerNode } from '../topology/topology.ts'
import { endpointOf } from '../topology/topology.ts'
import { until } from '../wait.ts'
import { type Found, StoredVote } from './record.ts'

/** The votes of a run's polls in the primary database, and the results of the servers. */
export type Content = Pick<Found, 'readFrom' | 'counted' | 'problems'> & { readonly stored: readonly StoredVote[] }

/** Seconds, before `patience`, until there is a primary, and until both servers count what it has stored. */
const PRIMARY_SECONDS = 15
const AGREE_SECONDS = 15

const NOTHING: Content = { readFrom: null, counted: [], problems: [], stored: [] }

/** Reads all votes of these polls from the present primary, and their results from each server. */
export async function contentOf(lab: Lab, polls: readonly string[]): Promise<Content> {
  try {
    return await read(lab, polls)
  } catch (error) {
    if (interruption.signal.aborted || !(error instanceof LabError)) throw error
    return { ...NOTHING, problems: [`the database could not be read: ${error.message}`] }
  }
}

async function read(lab: Lab, polls: readonly string[]): Promise<Content> {
  const { patience } = lab.settings
  const node = await until('a primary to be read', { seconds: PRIMARY_SECONDS, patience }, async () => {
    try {
      return { done: primaryOf(await lookAtDatabases(lab)).node }
    } catch (error) {
      if (error instanceof LabError) return { seen: error.message }
      throw error
    }
  })
  let content: Content = NOTHING
  const look = async () => {
    const stored = await votesIn(lab, node, polls)
    const counted = (await Promise.all(lab.servers.map((server) => countedBy(lab, server, polls)))).flat()
    content = { readFrom: node.name, counted, stored, problems: [] }
    const votes = counted.reduce((sum, { votes }) => sum + Object.values(votes).reduce((a, b) => a + b, 0), 0)
    const wanted = lab.servers.length * stored.length
    return votes === wanted ? { done: undefined } : { seen: `${votes} votes in results, ${wanted} expected` }
  }
  // Calls that were in progress at the end, and a standby that lags, need a moment. The last results seen are judged.
  await until('both servers to count what is stored', { seconds: AGREE_SECONDS, patience }, look).catch(
    (error: unknown) => {
      if (!(error instanceof LabError && error.code === 'TIMEOUT')) throw error
    },
  )
  return content
}

async function votesIn(lab: Lab, node: DatabaseNode, polls: readonly string[]): Promise<readonly StoredVote[]> {
  const rows = await ask(
    lab,
    node,
    `select json_build_object('poll', poll_id, 'user', user_id, 'option', options[option])
     from vote join poll on poll.id = poll_id where poll_id in (${polls.map((id) => `'${id}'`).join(', ')})`,
    60,
  )
  return z.array(StoredVote).parse(
    rows
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line)),
  )
}

/** Results of the polls that the server knows; nothing if it does not answer. */
async function countedBy(lab: Lab, server: ServerNode, polls: readonly string[]): Promise<Found['counted']> {
  const client = pollingClient(endpointOf(lab, server) ?? '', lab.settings.patience)
  try {
    const answers = await Promise.all(
      polls.map((poll) =>
        client.results(poll).then(
          ({ results }) => [{ server: server.name, poll, votes: Object.fromEntries(results) }],
          (error: unknown) => {
            // A poll may be lost; then its votes are missing from the database too.
            if (error instanceof LabError && error.code === 'CALL_FAILED') return []
            throw error
          },
        ),
      ),
    )
    return answers.flat()
  } finally {
    client.close()
  }
}

/** Writes what each node has logged since a time (milliseconds since the epoch) to a file for each node. */
export async function keepLogs(lab: Lab, since: number, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  await Promise.all(
    lab.nodes.map(async ({ name, container }) => {
      const file = await open(join(folder, `${name}.log`), 'w')
      try {
        const command = ['logs', '--timestamps', '--since', new Date(since).toISOString(), container]
        await once(start(command, ['ignore', file.fd, file.fd]), 'close')
      } finally {
        await file.close()
      }
    }),
  )
}
