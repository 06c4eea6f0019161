import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { isMirror, MIRROR_MUST_BE } from '../../vm/mirror.ts'
import { withoutPasswords } from '../../vm/proxy.ts'
import { labError } from './errors.ts'
import { decimal } from './numbers.ts'

const Published = z.object({ ports: z.record(z.string(), z.int().min(1).max(65535)) })
const machine = Published.parse(JSON.parse(readFileSync(new URL('../../vm/settings.json', import.meta.url), 'utf8')))

/** Ports that nodes are published on before `LAB_PORT_OFFSET`, from the file that the Vagrantfile reads too. */
export const PORTS: Readonly<Record<string, number>> = machine.ports

const number = (low: number, high: number, fallback: number) =>
  z
    .string()
    .transform(decimal)
    .pipe(
      z
        .number(`must be a number from ${low} to ${high}`)
        .min(low, `must be at least ${low}`)
        .max(high, `must be at most ${high}`),
    )
    .default(fallback)

/** What the lab without a name is called: in its label, and in the folder that it keeps its state in. */
export const UNNAMED = 'default'

const Environment = z.object({
  /** A second lab beside the first: prefix of its containers, volumes and network. Default: none. */
  LAB_NAME: z
    .string()
    .regex(/^([a-z][a-z0-9-]{0,23})?$/, 'must be up to 24 lower-case letters, digits and dashes, a letter first')
    .refine((name) => name !== UNNAMED, `must be another name: ${UNNAMED} is the lab without one`)
    .default(''),
  /** PostgreSQL's major version. Default: 17. */
  LAB_POSTGRES: z.enum(['13', '15', '17'], 'must be 13, 15 or 17').default('17'),
  /** Added to every published port. Default: 0. */
  LAB_PORT_OFFSET: number(0, 14000, 0).pipe(z.int('must be a whole number')),
  /** Address that ports are published on. Default: 127.0.0.1; the VM sets 0.0.0.0. */
  LAB_BIND: z.ipv4('must be an IPv4 address').default('127.0.0.1'),
  /** Multiplies every deadline, for slow machines. Default: 1. */
  LAB_PATIENCE: number(0.1, 100, 1),
  /** Level of the servers' logs. Default: info. */
  LAB_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error'], 'must be debug, info, warn or error').default('info'),
  /** A Debian mirror that packages come from while machine, box and images are built. Default: Debian's own. */
  LAB_MIRROR: z.string().refine(isMirror, MIRROR_MUST_BE).optional(),
})

/** Every setting of the lab, as documents list them. */
export const SETTING_NAMES: readonly string[] = Object.keys(Environment.shape)

export type Settings = {
  readonly name: string
  readonly postgres: '13' | '15' | '17'
  readonly portOffset: number
  readonly bind: string
  readonly patience: number
  readonly logLevel: string
  readonly mirror: string | undefined
  /** First part of the images' names. */
  readonly images: string
}

/** The lab's settings from `LAB_*` variables; an unusable one is a `SETTING` error that names it. */
export function readSettings(environment: NodeJS.ProcessEnv = process.env): Settings {
  // A variable set to nothing counts as unset, as shells leave it behind.
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
  const parsed = Environment.safeParse(given)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    const setting = String(issue?.path[0])
    throw labError('SETTING', {
      setting,
      problem: withoutPasswords(JSON.stringify(environment[setting])),
      expected: issue?.message.replace(/^must be /, '') ?? 'something else',
    })
  }
  const it = parsed.data
  return {
    name: it.LAB_NAME,
    postgres: it.LAB_POSTGRES,
    portOffset: it.LAB_PORT_OFFSET,
    bind: it.LAB_BIND,
    patience: it.LAB_PATIENCE,
    logLevel: it.LAB_LOG_LEVEL,
    mirror: it.LAB_MIRROR,
    images: 'failover-lab',
  }
}
