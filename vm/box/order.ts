import { join, resolve } from 'node:path'
import { Problem } from './problem.ts'
import { type BoxSettings, boxFileName, PROVIDERS, type Provider } from './settings.ts'

/** A box to be built: its provider, and the file. */
export type Order = { readonly provider: Provider; readonly output: string }

type Wishes = { readonly provider?: string; readonly output?: string; readonly classroom?: boolean }

/** The boxes that the command line asks for. By default: one for libvirt, in `folder`. */
export function readOrders(
  { provider, output, classroom }: Wishes,
  settings: BoxSettings,
  folder: string,
): [Order, ...Order[]] {
  const [first = 'libvirt', ...others] = [...new Set(provider?.split(','))].map(known)
  if (output !== undefined && others.length > 0) {
    throw new Problem('--output names one file, and several boxes are to be built', 'build them one by one')
  }
  if (settings.architecture === 'arm64' && [first, ...others].includes('virtualbox')) {
    throw new Problem(
      'there is no VirtualBox box for arm64',
      'build it for libvirt (vagrant-qemu takes it too), or name a public box in LAB_BOX',
    )
  }
  if (settings.architecture === 'arm64' && classroom) {
    throw new Problem(
      'there is no classroom box for arm64: packages.lock names packages of amd64, and only a host with arm64 could ' +
        "build the lab's images",
      'for machines with arm64 leave out --classroom: then their first start needs a network. For machines with amd64 ' +
        'build on an amd64 host: --architecture amd64',
    )
  }
  const order = (wanted: Provider): Order => ({
    provider: wanted,
    output: resolve(output ?? join(folder, boxFileName(settings, wanted, classroom))),
  })
  return [order(first), ...others.map(order)]
}

function known(name: string): Provider {
  const provider = PROVIDERS.find((one) => one === name)
  if (provider) return provider
  throw new Problem(`there is no box for the provider ${JSON.stringify(name)}`, `one of ${PROVIDERS.join(', ')}`)
}
