import { join, resolve } from 'node:path'
import { Problem } from '../problem.ts'
import { type BoxSettings, boxFileName, PROVIDERS, type Provider } from '../settings.ts'

/** A box to be built: its provider, and the file. */
export type Order = { readonly provider: Provider; readonly output: string }

type Wishes = { readonly provider?: string; readonly output?: string; readonly classroom?: boolean }

/** What is to be built, as the command line says it: for libvirt, and into `folder`, unless told otherwise. */
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
      'build it for libvirt, which vagrant-qemu takes as well, or let LAB_BOX name a public one',
    )
  }
  if (settings.architecture === 'arm64' && classroom) {
    throw new Problem(
      'there is no classroom box for arm64: packages.lock names packages of amd64, and no other host than one with ' +
        "arm64 could build the lab's images",
      'for machines with arm64 leave out --classroom: their first start then takes a network. Those with amd64 get ' +
        'theirs from an amd64 host: --architecture amd64',
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
