import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { describeProblems, readSettings } from '../../../server/settings.ts'

function environment(folder: string) {
  const file = (name: string, text: string) => {
    const path = join(folder, name)
    writeFileSync(path, text)
    return path
  }
  return {
    NODE_NAME: 'primary',
    DATABASES: 'db-primary:5432, db-replica:5432',
    LOCAL_DATABASE: 'db-primary',
    SERVICE_PASSWORD_FILE: file('service', 'service-secret\n'),
  }
}

function problemsOf(env: Record<string, string | undefined>) {
  const settings = readSettings(env)
  return 'problems' in settings ? settings.problems : []
}

test('the defaults fill what is not set, and a password ends before its newline', async (t) => {
  t.match(readSettings(environment(t.testdir())), {
    port: 50051,
    metricsPort: 9464,
    databaseName: 'polling',
    localDatabase: 'db-primary',
    databases: [
      { name: 'db-primary', host: 'db-primary', port: 5432 },
      { name: 'db-replica', host: 'db-replica', port: 5432 },
    ],
    service: { user: 'service', password: 'service-secret' },
    logLevel: 'info',
    graceSeconds: 8,
  })
})

test('databases that share a host are named with their ports', async (t) => {
  const env = {
    ...environment(t.testdir()),
    DATABASES: 'localhost:15432,localhost:15433',
    LOCAL_DATABASE: 'localhost:15433',
  }
  t.match(readSettings(env), { localDatabase: 'localhost:15433' })
})

test('a local database that could be either of two is refused', async (t) => {
  const env = { ...environment(t.testdir()), DATABASES: 'localhost:15432,localhost:15433', LOCAL_DATABASE: 'localhost' }
  t.match(problemsOf(env), [{ setting: 'LOCAL_DATABASE' }])
})

test('every wrong setting is named, with what to do, all at once', async (t) => {
  const env = environment(t.testdir())
  const wrong: Record<string, string | undefined>[] = [
    { NODE_NAME: undefined },
    { NODE_NAME: ' ' },
    { PORT: '0' },
    { PORT: '70000' },
    { PORT: 'http' },
    { METRICS_PORT: '-1' },
    { DATABASES: '' },
    { DATABASES: 'db-primary' },
    { DATABASES: 'db-primary:5432,' },
    { DATABASES: 'db-primary:5432,db-primary:5432' },
    { DATABASES: 'db-primary:99999' },
    { LOCAL_DATABASE: 'db-other' },
    { SERVICE_PASSWORD_FILE: '/nowhere/at/all' },
    { SERVICE_PASSWORD_FILE: undefined },
    { POOL_SIZE: '0' },
    { POOL_QUEUE: 'many' },
    { LOG_LEVEL: 'loud' },
    { GRACE_SECONDS: '1.5' },
  ]
  for (const change of wrong) {
    const [setting] = Object.keys(change)
    const problems = problemsOf({ ...env, ...change })
    t.same([...new Set(problems.map((problem) => problem.setting))], [setting], JSON.stringify(change))
    for (const { problem, fix } of problems) t.ok(problem && fix)
  }
  const all = problemsOf({ ...env, PORT: 'x', LOG_LEVEL: 'y', NODE_NAME: undefined }).map(({ setting }) => setting)
  t.same(all.sort(), ['LOG_LEVEL', 'NODE_NAME', 'PORT'])
})

test('no password is in a message about the settings', async (t) => {
  const env = { ...environment(t.testdir()), LOCAL_DATABASE: 'nope' }
  t.notMatch(describeProblems(problemsOf(env)), /secret/)
})

test('an empty password file is a problem, not an empty password', async (t) => {
  const folder = t.testdir({ empty: '\n' })
  const env = { ...environment(folder), SERVICE_PASSWORD_FILE: join(folder, 'empty') }
  t.match(problemsOf(env), [{ setting: 'SERVICE_PASSWORD_FILE', problem: /empty/ }])
})
