import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { interruption } from '../interruption.ts'
import type { Lab } from '../topology.ts'

const ROOT = join(import.meta.dirname, '../../..')

/** Starts a verb as a user would, for that lab; its steps go nowhere. */
export const startVerb = (lab: Lab, verb: string, args: readonly string[]) =>
  spawn(join(ROOT, 'node_modules/.bin/zx'), [`scripts/${verb}.ts`, ...args], {
    cwd: ROOT,
    env: { ...process.env, LAB_NAME: lab.settings.name, LAB_PORT_OFFSET: String(lab.settings.portOffset) },
    stdio: ['ignore', 'pipe', 'ignore'],
    signal: interruption.signal,
  })
