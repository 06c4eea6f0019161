import { type Logger, pino } from 'pino'
import type { LogLevel } from './settings.ts'

export type Log = Logger

/** JSON lines on stdout, each with the node's name, the level as a word and the time in ISO 8601. */
export function makeLog(node: string, level: LogLevel): Log {
  return pino({
    level,
    base: { node },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  })
}

/** Logs the warnings of Node and of libraries like all else: Node's own listener writes them to stderr as plain text. */
export function logWarnings(log: Log): void {
  process.removeAllListeners('warning')
  process.on('warning', ({ name, message }) => log.warn({ cause: `${name}: ${message}` }, 'warning'))
}
