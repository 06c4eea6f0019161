import { test } from 'tap'
import { containerOf, docker, failureOf, resetAfter, verb } from '../the-lab.ts'

test('a failover that waits for a write names the fault that keeps it from coming, and not patience', async (t) => {
  resetAfter(t)
  const cut = await verb('fault', ['isolate', 'loader', 'primary', 'backup'])
  t.equal(cut.exit, 0, failureOf(cut))
  await docker('kill', containerOf('db-primary'))
  const ran = await verb('failover')
  t.equal(ran.exit, 1)
  t.match(
    ran.stderr,
    /FAULTS_IN_FORCE: a write on timeline 2 through the balancer is not possible while faults are in force: .*isolate loader.*\n.*fault\.ts heal/,
  )
  t.notMatch(ran.stderr, /LAB_PATIENCE/)
})

test('a failover whose balancer is down says so at once', async (t) => {
  resetAfter(t)
  await docker('kill', containerOf('loader'), containerOf('db-primary'))
  t.match(await verb('failover'), {
    exit: 1,
    stderr: /NODE_DOWN: this waits for loader, but its container is exited\n.*setup\.ts brings it up/,
  })
})

test('heal ends the fault that keeps a rejoined database from staying up, and rejoin goes on then', async (t) => {
  resetAfter(t)
  await docker('kill', containerOf('db-primary'))
  t.equal(failureOf(await verb('failover')), 'it succeeds')
  t.equal(failureOf(await verb('fault', ['reject', 'db-replica', 'db-primary'])), 'it succeeds')
  t.match(await verb('rejoin'), { exit: 1, stderr: /FAULTS_IN_FORCE: .*reject db-replica.*\n.*fault\.ts heal/ })
  t.equal(failureOf(await verb('fault', ['heal'])), 'it succeeds')
  t.equal(failureOf(await verb('rejoin')), 'it succeeds')
})
