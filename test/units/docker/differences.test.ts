import { test } from 'tap'
import { type Changeable, differencesOf, renamingsOf } from '../../../scripts/lab/docker/differences.ts'
import { readSettings } from '../../../scripts/lab/settings.ts'
import { labOf } from '../../../scripts/lab/topology/topology.ts'

const lab = labOf(readSettings({}))
const [node] = lab.databases
if (node === undefined) throw new Error('a lab has databases')
const network = { prefix: '10.0.0', id: 'net1' }
const asMade: Changeable = {
  Image: 'sha256:1',
  Config: { Hostname: 'db-primary', Image: 'lab/postgres:1' },
  HostConfig: {
    RestartPolicy: { Name: 'unless-stopped' },
    Memory: node.memoryMiB * 2 ** 20,
    MemorySwap: node.memoryMiB * 2 ** 20,
    PidsLimit: 512,
    NanoCpus: 0,
    CpuQuota: 0,
    CpuShares: 0,
    CpusetCpus: '',
  },
  NetworkSettings: {
    Networks: {
      'voting-net': { NetworkID: 'net1', IPAMConfig: { IPv4Address: '10.0.0.10' }, Aliases: ['db-primary', 'c0ffee'] },
    },
  },
}
const own = asMade.NetworkSettings.Networks?.['voting-net']
if (own === undefined) throw new Error('it is on its network')
const on = (networks: NonNullable<Changeable['NetworkSettings']['Networks']>): Changeable => ({
  ...asMade,
  NetworkSettings: { Networks: networks },
})
const host = (changed: Partial<Changeable['HostConfig']>): Changeable => ({
  ...asMade,
  HostConfig: { ...asMade.HostConfig, ...changed },
})

test('a container that nobody changed differs in nothing', async (t) => {
  t.strictSame(differencesOf(lab, node, asMade, network, 'sha256:1'), [])
  t.strictSame(differencesOf(lab, node, asMade, network, undefined), [], 'with an image whose tag is gone')
})

test('whatever a docker command changes about a container is named, with what repairs it', async (t) => {
  const made = 'made again'
  const cases: readonly (readonly [Changeable, string, string])[] = [
    [on({}), 'it is not on the network voting-net', made],
    [{ ...asMade, NetworkSettings: { Networks: null } }, 'it is not on the network voting-net', made],
    [on({ 'voting-net': { ...own, NetworkID: 'net0' } }), 'it is on a network voting-net that has been removed', made],
    [on({ 'voting-net': { ...own, IPAMConfig: null } }), 'its address is not fixed instead of 10.0.0.10', made],
    [
      on({ 'voting-net': { ...own, IPAMConfig: { IPv4Address: '10.0.0.77' } } }),
      'its address is 10.0.0.77 instead of 10.0.0.10',
      made,
    ],
    [on({ 'voting-net': { ...own, Aliases: null } }), 'others cannot find it as db-primary', made],
    [
      on({ 'voting-net': own, bridge: own }),
      'it is also on the network bridge',
      'network disconnect bridge db-primary',
    ],
    [
      host({ RestartPolicy: { Name: 'no' } }),
      'its restart policy is no instead of unless-stopped',
      'update --restart unless-stopped db-primary',
    ],
    [
      host({ Memory: 2 ** 28, MemorySwap: 2 ** 29 }),
      'its memory is limited to 256 MiB instead of 640 MiB',
      'update --memory 640m --memory-swap 640m db-primary',
    ],
    [host({ PidsLimit: 20 }), 'it may have 20 processes instead of 512', 'update --pids-limit 512 db-primary'],
    [host({ NanoCpus: 1e9 }), 'its processor time is limited', made],
    [{ ...asMade, Image: 'sha256:2' }, 'it runs another image than lab/postgres:1 is now', made],
    [{ ...asMade, Config: { ...asMade.Config, Hostname: 'db-replica' } }, 'it was made as db-replica', made],
  ]
  for (const [it, what, mend] of cases) {
    const found = differencesOf(lab, node, it, network, 'sha256:1')
    t.strictSame(
      found.map((difference) => [difference.what, difference.mend?.join(' ') ?? made]),
      [[what, mend]],
    )
  }
  t.match(differencesOf(lab, node, asMade, undefined, undefined), [
    { what: 'its network voting-net is missing', hinders: true },
  ])
})

test('containers get the names of their nodes back, also where names were swapped, and a second one of a node goes', async (t) => {
  const named = (...pairs: readonly string[]) =>
    pairs.map((pair) => ({ name: pair.split('=')[0] ?? '', node: pair.split('=')[1] ?? '' }))
  const cases: readonly (readonly [readonly string[], readonly string[]])[] = [
    [['db-primary=db-primary', 'loader=loader'], []],
    [['old=db-primary'], ['old → db-primary']],
    [['old=db-primary', 'db-primary=db-primary'], ['- old']],
    [
      ['old=db-primary', 'older=db-primary'],
      ['old → db-primary', '- older'],
    ],
    [
      ['db-replica=db-primary', 'db-primary=db-replica'],
      [
        'db-replica → db-primary-renamed',
        'db-primary → db-replica-renamed',
        'db-primary-renamed → db-primary',
        'db-replica-renamed → db-replica',
      ],
    ],
    [['db-primary=db-replica'], ['db-primary → db-replica-renamed', 'db-replica-renamed → db-replica']],
  ]
  for (const [there, done] of cases)
    t.same(
      renamingsOf(lab.nodes, named(...there))
        .map((it) => ('remove' in it ? `- ${it.remove}` : `${it.from} → ${it.to}`))
        .toSorted(),
      done.toSorted(),
      there.join(' '),
    )
})
