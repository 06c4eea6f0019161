import { test } from 'tap'
import { bootAndAsk, builtBox, type Hardware } from './boot.ts'

/** What the Vagrantfile in the box asks libvirt for. */
const virtio: Hardware = async () => [
  ...['-machine', 'pc', '-device', 'virtio-blk-pci,drive=disk'],
  ...['-device', 'virtio-net-pci,netdev=net'],
]

const box = builtBox('libvirt', 'amd64')

test("the libvirt box boots to a login with Vagrant's key", box, async (t) => {
  const said = await bootAndAsk(t, box, 'box.img', virtio, 'sudo -n true && hostname && findmnt -no SOURCE /')
  t.equal(said, 'failover-lab\n/dev/vda\n')
})
