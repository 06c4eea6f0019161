import { typed } from '../docker/command.ts'
import { framesTo, type Running, startIn } from '../docker/exec.ts'
import { labError } from '../errors.ts'
import type { Tell } from '../steps.ts'
import type { DatabaseNode } from '../topology/topology.ts'
import { commandFor, PSQL, scriptOf } from './sql.ts'

/** A psql that stays open: to start one in a container takes a hundred times as long as a question. */
export type Session = {
  /**
   * Runs SQL, or psql's own commands, one on each line; each statement is a transaction of its own. Gives rows as lines.
   * No answer within `seconds` is an error; an answer that comes later is dropped. Any other error ends the session.
   */
  readonly run: (statements: string, seconds: number) => Promise<string>
  /** Why it can no longer be asked; undefined while it can. */
  readonly over: () => string | undefined
  readonly end: () => void
}

/** A session inside a database's container, as its superuser: it works whatever is wrong with the network. */
export const openSession = (node: DatabaseNode): Session => open(node, [...PSQL, '-f', '-'])

/** Seconds that a session waits for a database that is starting; after that psql says what is wrong. */
const STARTING_SECONDS = 2

/** The same for a database that is starting: it connects as soon as that is possible. To be refused costs a new process each time. */
export const openSessionWhenUp = (node: DatabaseNode): Session => {
  const isUp = 'pg_isready -q -h /var/run/postgresql'
  const wait = `for _ in {1..${STARTING_SECONDS * 20}}; do ${isUp} && break; sleep 0.05; done`
  return open(node, ['bash', '-c', `${wait}; exec ${PSQL.join(' ')} -f -`])
}

/** A session from one database's container to another database, over the network that the servers use too. */
export const openSessionAcross = (from: DatabaseNode, to: DatabaseNode): Session => {
  const target = `host=${to.name} port=${to.port} user=monitor dbname=polling connect_timeout=2 tcp_user_timeout=1000`
  return open({ ...from, name: `${to.name} over the network` }, [
    'bash',
    '-c',
    `PGPASSWORD=$(</run/secrets/monitor) exec ${PSQL.join(' ')} -f - -d '${target}'`,
  ])
}

type Question = { readonly mark: string; readonly answer: (rows: string) => void; readonly fail: (why: string) => void }

function open({ name, container }: { name: string; container: string }, command: readonly string[]): Session {
  let running: Running | undefined
  const unsent: string[] = []
  const send = (text: string) => (running === undefined ? unsent.push(text) : running.stream.write(text))
  const questions: Question[] = []
  let asked = 0
  let heard = ''
  let errors = ''
  let over: string | undefined
  const ends = (why: string) => {
    over ??= why
    for (const { fail } of questions.splice(0)) fail(over)
  }
  const hear = framesTo((output, text) => {
    if (output === 'stderr') errors += text
    else heard += text
    for (let [first] = questions; first !== undefined; [first] = questions) {
      const end = heard.indexOf(first.mark)
      if (end === -1) return
      questions.shift()
      first.answer(heard.slice(0, end).trimEnd())
      heard = heard.slice(end + first.mark.length)
    }
  })
  const start = async () => {
    const started = await startIn(container, command)
    if ('exit' in started) return ends(started.stderr)
    if (over !== undefined) return started.stream.destroy()
    running = started
    started.stream
      .on('data', hear)
      .once('error', ({ message }: Error) => ends(message))
      .once('close', () => ends(firstLine(errors) || 'psql ended'))
    hear(started.first)
    for (const text of unsent.splice(0)) send(text)
  }
  start().catch((error: unknown) => ends(error instanceof Error ? error.message : String(error)))
  return {
    run: (statements, seconds) =>
      new Promise((resolve, reject) => {
        const problem = (why: string) => reject(labError('DATABASE_SILENT', { node: name, problem: why }))
        if (over !== undefined) return problem(over)
        asked += 1
        const mark = `<end of answer ${asked}>\n`
        // An answer may have arrived while this process was busy: it still counts.
        const silent = () => setImmediate(problem, `no answer in ${seconds} s`)
        const limit = setTimeout(silent, seconds * 1000)
        questions.push({
          mark,
          answer: (rows) => {
            clearTimeout(limit)
            resolve(rows)
          },
          fail: (why) => {
            clearTimeout(limit)
            problem(why)
          },
        })
        send(`${statements}\n;\n\\echo ${mark}`)
      }),
    over: () => over,
    // When the connection is gone, psql reads the end of its input.
    end: () => {
      ends('it was ended')
      running?.stream.destroy()
    },
  }
}

const firstLine = (errors: string): string =>
  errors
    .trim()
    .split('\n')[0]
    ?.replace(/^psql:<stdin>:\d+: /, '') ?? ''

/** A session that opens at the first question, and again when it has been closed for `pause` seconds. */
export function keptSession(open: () => Session, pause: number): Session {
  let session: Session | undefined
  let endedAt: number | undefined
  return {
    run: (statements, seconds) => {
      if (session?.over() === undefined) endedAt = undefined
      else endedAt ??= performance.now()
      if (session === undefined || (endedAt !== undefined && performance.now() - endedAt >= pause * 1000))
        session = open()
      return session.run(statements, seconds)
    },
    over: () => session?.over(),
    end: () => session?.end(),
  }
}

/** Runs SQL that changes something over a session; what is told is a command that does it without one. Gives the last line. */
export async function changeOver(
  tell: Tell,
  session: Session,
  node: DatabaseNode,
  seconds: number,
  ...statements: readonly string[]
): Promise<string> {
  tell(`docker ${commandFor(node, statements).map(typed).join(' ')}`)
  const printed = await session.run(scriptOf(statements), seconds)
  return printed.split('\n').at(-1) ?? ''
}
