import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { bootAndAsk, builtBox, type Hardware } from './boot.ts'

/** What QEMU has for each piece of hardware that box.ovf may name. */
const PIECES: Readonly<Record<string, readonly string[]>> = {
  AHCI: ['-device', 'ahci,id=disks', '-device', 'ide-hd,bus=disks.0,drive=disk'],
  'virtio-net': ['-device', 'virtio-net-pci,netdev=net'],
}

const named: Hardware = async (files) => {
  const ovf = await readFile(join(files, 'box.ovf'), 'utf8')
  const pieces = [...ovf.matchAll(/<rasd:ResourceSubType>(.*?)</g)].flatMap(([, type = '']) => {
    const piece = PIECES[type]
    if (!piece) throw new Error(`box.ovf names ${type}, which this test has not learned yet`)
    return piece
  })
  // i440FX with PIIX3, the chip set that VirtualBox has too.
  return ['-machine', 'pc', ...pieces]
}

const box = builtBox('virtualbox', 'amd64')

test("the VirtualBox box boots to a login with Vagrant's key on the hardware that it names", box, async (t) => {
  const ask = 'sudo -n true && hostname && findmnt -no SOURCE,SIZE / && readlink /sys/class/net/eth0/device/driver'
  const said = await bootAndAsk(t, box, 'box-disk001.vmdk', named, ask)
  t.match(said, /^failover-lab\n\/dev\/sda +\d\S*G\n.*\/virtio_net\n$/)
})
