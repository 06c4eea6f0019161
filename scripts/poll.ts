#!/usr/bin/env zx
import type { Command } from 'commander'
import type { PollingClient } from './lab/service/client.ts'
// A command-line client of the polling service, through the balancer.
import { endWithReader, watchReader } from './lab/terminal/begin.ts'

const { InvalidArgumentError } = await import('commander')
const { chalk } = await import('zx/core')
const { STORED } = await import('./lab/service/call.ts')
const { isAddress, pollingClient } = await import('./lab/service/client.ts')
const { followResults } = await import('./lab/service/follow.ts')
const { commandLine } = await import('./lab/terminal/command-line.ts')
const { readSettings } = await import('./lab/settings.ts')
const { canDraw, liveLines, livePicture } = await import('./lab/terminal/live-view.ts')
const { pollLine, printPolls, resultBars } = await import('./lab/terminal/poll-view.ts')
const { columnsOf } = await import('./lab/terminal/abilities.ts')
const { endpointOf, labOf } = await import('./lab/topology/topology.ts')
const { userName } = await import('./lab/user.ts')
const { asJson, visible } = await import('./lab/visible.ts')

type Options = { readonly json?: boolean; readonly at?: string }

const address = (text: string): string => {
  if (!isAddress(text)) throw new InvalidArgumentError('It must be host:port, like 127.0.0.1:8080.')
  return text
}

const ABOUT_DASHES = `
Text that begins with a dash goes after --: zx scripts/poll.ts create "How cold?" -- -10C -5C`

endWithReader()
await commandLine(import.meta.filename, (program) => {
  const lab = labOf(readSettings())
  program
    .description(`Create polls, vote and see the results, through the balancer at ${endpointOf(lab, lab.loader)}.`)
    .option('--json', 'print the answer as JSON')
    .option('--at <host:port>', "call this address instead of the balancer's, for example that of one server", address)
    .addHelpText('after', ABOUT_DASHES)
  program
    .command('create <question> <options...>')
    .description('create a poll and print its uuid')
    .addHelpText('after', ABOUT_DASHES)
    .action((question: string, options: string[], _, command: Command) =>
      talk(
        command,
        (client) => client.createPoll(question, options),
        ({ uuid }) => visible(uuid),
      ),
    )
  program
    .command('list')
    .description('list all polls, newest first')
    .action((_, command: Command) => withClient(command, (client, json) => printPolls(client.listPolls(), json)))
  program
    .command('vote <uuid> <option>')
    .description('cast a vote; exit code 1 if it was not counted; --json also prints its consistency token')
    .option('--user <id>', 'who votes', userName())
    .addHelpText('after', ABOUT_DASHES)
    .action((uuid: string, option: string, { user }: { user: string }, command: Command) =>
      talk(
        command,
        (client) => client.castVote(uuid, user, option),
        ({ status }) => {
          const counted = status === STORED
          if (!counted) process.exitCode = 1
          return counted ? `${chalk.green('✓')} ${status}` : `${chalk.red('✗')} ${visible(status)}`
        },
      ),
    )
  program
    .command('results <uuid>')
    .description('show the results so far')
    .option('--token <token>', 'consistency token of a vote: the results include that vote, on either server')
    .action((uuid: string, { token }: { token?: string }, command: Command) =>
      talk(
        command,
        (client) => client.results(uuid, token),
        (results) => resultBars(results, columnsOf(process.stdout)),
      ),
    )
  program
    .command('follow <uuid>')
    .description('show the results live until the poll is closed; when piped, one line for each change')
    .action((uuid: string, _, command: Command) => follow(uuid, command))
  program
    .command('close <uuid>')
    .description('close a poll: no further votes')
    .action((uuid: string, _, command: Command) => talk(command, (client) => client.closePoll(uuid), pollLine))
})

function talk<T>(
  command: Command,
  ask: (client: PollingClient) => Promise<T>,
  show: (answer: T) => string,
): Promise<void> {
  return withClient(command, async (client, json) => {
    const answer = await ask(client)
    const shown = show(answer)
    console.log(json ? asJson(answer, 2) : shown)
  })
}

async function follow(uuid: string, command: Command): Promise<void> {
  const { address, patience, json } = target(command)
  watchReader()
  const view = canDraw() && !json ? livePicture() : liveLines(json)
  for await (const news of followResults(address, uuid, patience)) view.show(news)
  view.end()
}

function target(command: Command): { address: string; patience: number; json: boolean } {
  const lab = labOf(readSettings())
  const { json, at } = command.optsWithGlobals<Options>()
  return { address: at ?? endpointOf(lab, lab.loader) ?? '', patience: lab.settings.patience, json: json === true }
}

async function withClient(
  command: Command,
  use: (client: PollingClient, json: boolean) => Promise<void>,
): Promise<void> {
  const { address, patience, json } = target(command)
  const client = pollingClient(address, patience)
  try {
    await use(client, json)
  } finally {
    client.close()
  }
}
