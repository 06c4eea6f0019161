import { test } from 'tap'
import { bootAndAsk, builtBox, type Hardware } from './boot.ts'

/** What vagrant-qemu gives a machine on a Mac, but for the processor. */
const virt: Hardware = async () => [
  ...['-machine', 'virt', '-device', 'virtio-blk-pci,drive=disk'],
  ...['-device', 'virtio-net-device,netdev=net'],
]

const box = builtBox('libvirt', 'arm64')

test("the arm64 box boots to a login with Vagrant's key", box, async (t) => {
  const said = await bootAndAsk(t, box, 'box.img', virt, 'sudo -n true && uname -nm && findmnt -no SOURCE /')
  t.equal(said, 'failover-lab aarch64\n/dev/vda2\n')
})
