import fc from 'fast-check'
import { test } from 'tap'
import { LabError } from '../../../scripts/lab/errors.ts'
import { PORTS, readSettings } from '../../../scripts/lab/settings.ts'
import { labOf, TOPOLOGY } from '../../../scripts/lab/topology/topology.ts'

test('without any variable the lab has its documented defaults', async (t) => {
  t.match(readSettings({}), {
    name: '',
    postgres: '17',
    portOffset: 0,
    bind: '127.0.0.1',
    patience: 1,
    logLevel: 'info',
  })
})

test('a variable set to nothing counts as unset', async (t) => {
  t.strictSame(readSettings({ LAB_POSTGRES: '', LAB_NAME: '', LAB_PORT_OFFSET: '' }), readSettings({}))
})

test('no lab has the name under which the one without a name keeps its state and its lock', async (t) => {
  t.throws(() => readSettings({ LAB_NAME: labOf(readSettings({})).name }), {
    code: 'SETTING',
    message: /LAB_NAME is "default"/,
    fix: /another name/,
  })
})

test('whatever a variable holds, it is taken as documented or named in the error', async (t) => {
  const names = ['LAB_NAME', 'LAB_POSTGRES', 'LAB_PORT_OFFSET', 'LAB_BIND', 'LAB_PATIENCE', 'LAB_LOG_LEVEL'] as const
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.string({ minLength: 1 }), (name, value) => {
      try {
        const settings = readSettings({ [name]: value })
        return (
          settings.portOffset >= 0 &&
          settings.portOffset <= 14000 &&
          settings.patience > 0 &&
          /^[a-z0-9-]*$/.test(settings.name)
        )
      } catch (error) {
        return (
          error instanceof LabError &&
          error.code === 'SETTING' &&
          error.message.startsWith(`${name} is `) &&
          !error.fix.includes('{')
        )
      }
    }),
  )
  t.pass()
})

test('a second lab shares no container, volume, network or port with the first', async (t) => {
  const first = labOf(readSettings({}))
  const second = labOf(readSettings({ LAB_NAME: 'other', LAB_PORT_OFFSET: '1000' }))
  const of = (lab: typeof first) => [
    lab.network,
    ...lab.nodes
      .flatMap(({ container, volume, publishedPort }) => [container, volume, publishedPort])
      .filter((it) => it !== undefined),
  ]
  t.strictSame(
    of(first).filter((it) => of(second).includes(it)),
    [],
  )
})

test('every published port belongs to a node, and no two nodes have the same address', async (t) => {
  for (const name of Object.keys(PORTS)) t.ok(name in TOPOLOGY, name)
  const hosts = Object.values(TOPOLOGY).map(({ host }) => host)
  t.equal(new Set(hosts).size, hosts.length)
})

test('a number is read as people write it, and never as a programming language would', async (t) => {
  for (const text of ['0x10', '1e3', '007', ' 1', '1 ', 'NaN', 'Infinity', '1_000', '+1', '.5', '١'])
    for (const name of ['LAB_PORT_OFFSET', 'LAB_PATIENCE'])
      t.throws(() => readSettings({ [name]: text }), { code: 'SETTING' }, `${name}=${text}`)
  t.match(readSettings({ LAB_PORT_OFFSET: '1000', LAB_PATIENCE: '0.5' }), { portOffset: 1000, patience: 0.5 })
})
