import { readFileSync } from 'node:fs'
import { z } from 'zod'

/** The address of one database; `name` is its name in logs, metrics and LOCAL_DATABASE. */
export type DatabaseAddress = { name: string; host: string; port: number }

/** All settings of the program, checked. */
export type Settings = {
  nodeName: string
  port: number
  metricsPort: number
  databases: DatabaseAddress[]
  localDatabase: string
  databaseName: string
  service: { user: string; password: string }
  poolSize: number
  poolQueue: number
  logLevel: LogLevel
  graceSeconds: number
  /** Multiplies how long databases get to answer and calls without a deadline may take, and the pauses between probes. */
  patience: number
}

/** A setting, what is wrong with it, and what to do about it. */
export type SettingsProblem = { setting: string; problem: string; fix: string }

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

const FIXES: Record<string, string> = {
  NODE_NAME: 'Set it to the name of this server, such as primary.',
  PORT: 'Set it to a port number from 1 to 65535 (default 50051).',
  METRICS_PORT: 'Set it to a port number from 1 to 65535 (default 9464).',
  DATABASES: 'List every database as host:port, separated by commas: db-primary:5432,db-replica:5432.',
  LOCAL_DATABASE: 'Name one of DATABASES by its host, or as host:port if several share a host.',
  DATABASE_NAME: 'Set it to the name of the database (default polling).',
  SERVICE_USER: 'Set it to the role that serves calls (default service).',
  SERVICE_PASSWORD_FILE: 'Set it to the path of a readable file with the password of SERVICE_USER.',
  POOL_SIZE: 'Set it to the most connections to each database, 1 to 1000 (default 10).',
  POOL_QUEUE: 'Set it to the most calls that may wait for a connection, 0 to 1000000 (default 1000).',
  LOG_LEVEL: `Set it to one of ${LOG_LEVELS.join(', ')} (default info).`,
  GRACE_SECONDS: 'Set it to the seconds that calls in progress get when the server stops, 0 to 3600 (default 8).',
  PATIENCE: 'Set it to a factor of 1 to 100 on the time that databases and calls get (default 1).',
}

const name = z.string().trim().min(1, 'must not be empty')
const integer = (low: number, high: number) =>
  z
    .string()
    .trim()
    .regex(/^\d{1,9}$/, 'must be a whole number')
    .transform(Number)
    .refine((n) => n >= low && n <= high, `must be from ${low} to ${high}`)
const port = integer(1, 65535)

const addressList = name.transform((text, context): DatabaseAddress[] => {
  const addresses = text.split(',').map((entry) => /^\s*([\w.-]+):(\d{1,5})\s*$/.exec(entry))
  const parsed = addresses.flatMap((match) =>
    match?.[1] && Number(match[2]) >= 1 && Number(match[2]) <= 65535
      ? [{ host: match[1], port: Number(match[2]) }]
      : [],
  )
  if (parsed.length !== addresses.length) {
    context.addIssue({ code: 'custom', message: 'must be a list of host:port, separated by commas' })
    return z.NEVER
  }
  const hosts = parsed.map((address) => address.host)
  if (new Set(parsed.map((address) => `${address.host}:${address.port}`)).size !== parsed.length) {
    context.addIssue({ code: 'custom', message: 'names a database twice' })
    return z.NEVER
  }
  // People use the host as the name. The port is part of it only if several databases share a host.
  return parsed.map((address) => ({
    ...address,
    name: hosts.filter((host) => host === address.host).length > 1 ? `${address.host}:${address.port}` : address.host,
  }))
})

const environment = z.object({
  NODE_NAME: name,
  PORT: port.default(50051),
  METRICS_PORT: port.default(9464),
  DATABASES: addressList,
  LOCAL_DATABASE: name,
  DATABASE_NAME: name.default('polling'),
  SERVICE_USER: name.default('service'),
  SERVICE_PASSWORD_FILE: name,
  POOL_SIZE: integer(1, 1000).default(10),
  POOL_QUEUE: integer(0, 1_000_000).default(1000),
  LOG_LEVEL: z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`).default('info'),
  GRACE_SECONDS: integer(0, 3600).default(8),
  PATIENCE: integer(1, 100).default(1),
})

/** Reads the settings from environment variables. It gives all problems at once, not only the first. */
export function readSettings(env: Record<string, string | undefined>): Settings | { problems: SettingsProblem[] } {
  const parsed = environment.safeParse(env)
  if (!parsed.success) {
    return {
      problems: parsed.error.issues.map((issue) => {
        const setting = String(issue.path[0])
        return settingsProblem(setting, env[setting] === undefined ? 'is not set' : issue.message)
      }),
    }
  }
  const data = parsed.data
  const called = data.DATABASES.filter(({ host, port }) => [host, `${host}:${port}`].includes(data.LOCAL_DATABASE))
  const local = called.length === 1 ? called[0] : undefined
  const service = readPassword('SERVICE_PASSWORD_FILE', data.SERVICE_PASSWORD_FILE)
  const problems = [
    ...(local ? [] : [settingsProblem('LOCAL_DATABASE', `'${data.LOCAL_DATABASE}' is not one of DATABASES`)]),
    ...('setting' in service ? [service] : []),
  ]
  if (!local || 'setting' in service) return { problems }
  return {
    nodeName: data.NODE_NAME,
    port: data.PORT,
    metricsPort: data.METRICS_PORT,
    databases: data.DATABASES,
    localDatabase: local.name,
    databaseName: data.DATABASE_NAME,
    service: { user: data.SERVICE_USER, password: service.password },
    poolSize: data.POOL_SIZE,
    poolQueue: data.POOL_QUEUE,
    logLevel: data.LOG_LEVEL,
    graceSeconds: data.GRACE_SECONDS,
    patience: data.PATIENCE,
  }
}

/** The problems as text for people, one on each line. */
export function describeProblems(problems: SettingsProblem[]): string {
  return problems.map(({ setting, problem, fix }) => `${setting} ${problem}. ${fix}`).join('\n')
}

function settingsProblem(setting: string, problem: string): SettingsProblem {
  return { setting, problem, fix: FIXES[setting] ?? 'See the documentation of the settings.' }
}

function readPassword(setting: string, path: string): { password: string } | SettingsProblem {
  try {
    const password = readFileSync(path, 'utf8').replace(/\r?\n$/, '')
    return password === '' ? settingsProblem(setting, `names ${path}, which is empty`) : { password }
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'error'
    return settingsProblem(setting, `names ${path}, which cannot be read (${code})`)
  }
}
