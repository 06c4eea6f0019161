import type { Tell } from '../steps.ts'
import { engine, refused } from './api.ts'
import { typed } from './command.ts'

/** What the engine takes to make a container. */
type Request = {
  Image: string
  Hostname?: string
  StopTimeout?: number
  readonly AttachStdout: true
  readonly AttachStderr: true
  readonly Env: string[]
  readonly Labels: Record<string, string>
  readonly ExposedPorts: Record<string, object>
  readonly Healthcheck: { Interval?: number; Timeout?: number }
  readonly HostConfig: {
    NetworkMode?: string
    Memory?: number
    MemorySwap?: number
    PidsLimit?: number
    ReadonlyRootfs?: true
    readonly Sysctls: Record<string, string>
    readonly RestartPolicy: { Name: string }
    readonly LogConfig: { Type: string; readonly Config: Record<string, string> }
    readonly ExtraHosts: string[]
    readonly CapDrop: string[]
    readonly SecurityOpt: string[]
    readonly Binds: string[]
    readonly Mounts: object[]
    readonly Tmpfs: Record<string, string>
    readonly PortBindings: Record<string, { HostIp: string; HostPort: string }[]>
  }
  readonly NetworkingConfig: { readonly EndpointsConfig: Record<string, Endpoint> }
}
type Endpoint = { readonly Aliases: string[]; readonly IPAMConfig: { IPv4Address?: string } }

/** Flags of `docker create` without a value. */
const SWITCHES = {
  '--read-only': (it: Request) => {
    it.HostConfig.ReadonlyRootfs = true
  },
} as const

/** The other flags that the lab uses, and what each asks of the engine. */
const FLAGS: Readonly<Record<string, (it: Request, value: string) => void>> = {
  '--hostname': (it, value) => {
    it.Hostname = value
  },
  '--network': (it, value) => {
    it.HostConfig.NetworkMode = value
    endpointIn(it)
  },
  '--network-alias': (it, value) => void endpointIn(it).Aliases.push(value),
  '--ip': (it, value) => {
    endpointIn(it).IPAMConfig.IPv4Address = value
  },
  '--add-host': ({ HostConfig }, value) => void HostConfig.ExtraHosts.push(value),
  '--restart': ({ HostConfig }, value) => {
    HostConfig.RestartPolicy.Name = value
  },
  '--stop-timeout': (it, value) => {
    it.StopTimeout = Number(value)
  },
  '--cap-drop': ({ HostConfig }, value) => void HostConfig.CapDrop.push(value),
  '--security-opt': ({ HostConfig }, value) => void HostConfig.SecurityOpt.push(value),
  '--pids-limit': ({ HostConfig }, value) => {
    HostConfig.PidsLimit = Number(value)
  },
  '--memory': ({ HostConfig }, value) => {
    HostConfig.Memory = mebibytes(value)
  },
  '--memory-swap': ({ HostConfig }, value) => {
    HostConfig.MemorySwap = mebibytes(value)
  },
  '--sysctl': ({ HostConfig }, value) => {
    const [name, is] = halves(value, '=')
    HostConfig.Sysctls[name] = is
  },
  '--tmpfs': ({ HostConfig }, value) => {
    const [folder, options] = halves(value, ':')
    HostConfig.Tmpfs[folder] = options
  },
  '--log-driver': ({ HostConfig }, value) => {
    HostConfig.LogConfig.Type = value
  },
  '--log-opt': ({ HostConfig }, value) => {
    const [name, is] = halves(value, '=')
    HostConfig.LogConfig.Config[name] = is
  },
  '--health-interval': ({ Healthcheck }, value) => {
    Healthcheck.Interval = nanoseconds(value)
  },
  '--health-timeout': ({ Healthcheck }, value) => {
    Healthcheck.Timeout = nanoseconds(value)
  },
  '--volume': ({ HostConfig }, value) => void HostConfig.Binds.push(value),
  '--mount': ({ HostConfig }, value) => void HostConfig.Mounts.push(mountOf(value)),
  '--publish': (it, value) => {
    const [HostIp = '', HostPort = '', port = ''] = value.split(':')
    it.ExposedPorts[`${port}/tcp`] = {}
    it.HostConfig.PortBindings[`${port}/tcp`] = [{ HostIp, HostPort }]
  },
  '--env': ({ Env }, value) => void Env.push(value),
  '--label': ({ Labels }, value) => {
    const [name, is] = halves(value, '=')
    Labels[name] = is
  },
}

/** What the engine is asked for by the arguments of a `docker create` after the name: flags, and last the image. */
export function requestOf(args: readonly string[]): Request {
  const it: Request = {
    Image: args.at(-1) ?? '',
    AttachStdout: true,
    AttachStderr: true,
    Env: [],
    Labels: {},
    ExposedPorts: {},
    Healthcheck: {},
    HostConfig: {
      RestartPolicy: { Name: 'no' },
      LogConfig: { Type: '', Config: {} },
      ExtraHosts: [],
      Sysctls: {},
      CapDrop: [],
      SecurityOpt: [],
      Binds: [],
      Mounts: [],
      Tmpfs: {},
      PortBindings: {},
    },
    NetworkingConfig: { EndpointsConfig: {} },
  }
  const flags = args.slice(0, -1).values()
  for (const flag of flags) {
    if (flag in SWITCHES) SWITCHES[flag as keyof typeof SWITCHES](it)
    else {
      const take = FLAGS[flag]
      if (take === undefined) throw new Error(`docker create ${flag} has no translation`)
      take(it, flags.next().value ?? '')
    }
  }
  return it
}

/** Tells a `docker create` and does the same over the engine's socket: the command would take a tenth of a second to start. */
export async function create(tell: Tell, name: string, args: readonly string[]): Promise<void> {
  const command = ['create', '--name', name, ...args]
  tell(`docker ${command.map(typed).join(' ')}`)
  const answer = await engine('POST', `/containers/create?name=${name}`, { json: requestOf(args) })
  if (answer.status !== 201) throw refused(command, answer)
}

/** Tells a `docker volume create` and does the same over the socket. */
export async function createVolume(tell: Tell, name: string, labels: readonly string[]): Promise<void> {
  const command = ['volume', 'create', ...labels, name]
  tell(`docker ${command.map(typed).join(' ')}`)
  const { Labels } = requestOf([...labels, ''])
  const answer = await engine('POST', '/volumes/create', { json: { Name: name, Labels } })
  if (answer.status !== 201) throw refused(command, answer)
}

/** The place on the container's network. */
function endpointIn({ HostConfig, NetworkingConfig }: Request): Endpoint {
  const network = HostConfig.NetworkMode
  if (network === undefined) throw new Error('the network has to come before what is said of it')
  const endpoint = NetworkingConfig.EndpointsConfig[network] ?? { Aliases: [], IPAMConfig: {} }
  NetworkingConfig.EndpointsConfig[network] = endpoint
  return endpoint
}

function mountOf(value: string): object {
  const said = value.split(',').map((part) => halves(part, '='))
  const of = (name: string) => said.find(([it]) => it === name)?.[1]
  const labels = said.flatMap(([name, is]) => (name === 'volume-label' ? [halves(is, '=')] : []))
  return {
    ...{ Type: of('type'), Source: of('src'), Target: of('dst') },
    VolumeOptions: { Labels: Object.fromEntries(labels) },
  }
}

/** What is before and after the first such sign. */
function halves(text: string, sign: string): readonly [string, string] {
  const at = text.indexOf(sign)
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

const mebibytes = (value: string): number => Number(value.replace(/m$/, '')) * 2 ** 20
const nanoseconds = (value: string): number => Math.round(Number(value.replace(/s$/, '')) * 1e9)
