import { test } from 'tap'
import { create, createVolume } from '../../scripts/lab/docker/create.ts'
import { creation, type Parts } from '../../scripts/lab/docker/creation.ts'
import { imagesOf } from '../../scripts/lab/docker/images.ts'
import { findNetwork } from '../../scripts/lab/docker/network.ts'
import { readSecrets } from '../../scripts/lab/state/secrets.ts'
import { docker, lab } from '../the-lab.ts'

const told: string[] = []
const tell = (command: string) => void told.push(command)

async function partsOfLab(): Promise<Parts> {
  const [network, secrets] = await Promise.all([findNetwork(lab), readSecrets(lab)])
  if (network === undefined || secrets === undefined) throw new Error('the lab is not set up')
  return { images: await imagesOf(lab.settings), network, secrets }
}

/** A description without what is empty: the command asks for nothing in more words. */
function whole(it: unknown): unknown {
  if (Array.isArray(it)) return it.length === 0 ? undefined : it.map(whole)
  if (typeof it !== 'object' || it === null) return it ?? undefined
  const entries = Object.entries(it).map(([name, value]) => [name, whole(value)] as const)
  const said = entries.filter(([, value]) => value !== undefined)
  return said.length === 0 ? undefined : Object.fromEntries(said)
}

type Mount = { readonly Destination: string }

/** What the engine describes, without what differs between any two containers. */
async function described(container: string): Promise<unknown> {
  const [{ Id, Created, Name, ResolvConfPath, HostnamePath, HostsPath, LogPath, GraphDriver, ...it }] = JSON.parse(
    await docker('inspect', container),
  )
  // The size of the terminal that the command runs in.
  const { ConsoleSize, ...HostConfig } = it.HostConfig
  // The engine keeps these without an order.
  const Mounts = it.Mounts.toSorted((a: Mount, b: Mount) => a.Destination.localeCompare(b.Destination))
  const Binds = HostConfig.Binds?.toSorted()
  return whole({
    ...it,
    HostConfig: { ...HostConfig, Binds },
    Mounts,
    Config: { ...it.Config, Env: it.Config.Env.toSorted() },
  })
}

test('what setup makes over the socket is what the docker command that it shows makes', async (t) => {
  const parts = await partsOfLab()
  for (const node of lab.nodes) {
    const { args } = creation(lab, node, parts)
    const [made, typed] = [`${lab.name}-made`, `${lab.name}-typed`]
    t.teardown(() => docker('rm', '-f', made, typed))
    await create(tell, made, args)
    await docker('create', '--name', typed, ...args)
    t.strictSame(await described(made), await described(typed), node.name)
    t.match(told.at(-1), new RegExp(`^docker create --name ${made} .*--hostname ${node.name}.* ${args.at(-1)}$`))
    await docker('rm', '-f', made, typed)
  }
})

test('so is a volume', async (t) => {
  const [made, typed] = [`${lab.name}-made`, `${lab.name}-typed`]
  const labels = ['--label', `failover-lab.lab=${lab.name}`, '--label', 'a=b=c']
  t.teardown(() => docker('volume', 'rm', '-f', made, typed))
  await createVolume(tell, made, labels)
  await docker('volume', 'create', ...labels, typed)
  const of = async (name: string) => {
    const [{ Name, CreatedAt, Mountpoint, ...it }] = JSON.parse(await docker('volume', 'inspect', name))
    return it
  }
  t.strictSame(await of(made), await of(typed))
})
