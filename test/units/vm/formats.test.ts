import { spawnSync } from 'node:child_process'
import { open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { $ } from 'zx/core'
import { BOOTS } from '../../../vm/box/disk/boot.ts'
import { makeDisk, mountDisk, unmountDisk } from '../../../vm/box/disk/disk.ts'
import { readOrders } from '../../../vm/box/order.ts'
import { MAC, ovf } from '../../../vm/box/pack/ovf.ts'
import { pack } from '../../../vm/box/pack/pack.ts'
import { readVmdk } from '../../../vm/box/pack/vmdk.ts'
import { ARCHITECTURES, type Architecture, PROVIDERS } from '../../../vm/box/settings.ts'
import { needs } from './ruby.ts'

const ROOT = new URL('../../..', import.meta.url).pathname
const GiB = 2 ** 30
const settings = {
  box: 'lab/debian',
  suite: 'trixie',
  diskGiB: 8,
  cpus: 2,
  memoryMiB: 2048,
  buildGiB: 5,
  architecture: 'amd64',
} as const

/** What an OVF says, read by an XML parser that did not write it. */
const READ_OVF = `
require 'json'
require 'rexml/document'
root = REXML::Document.new($stdin.read).root
rasd = 'http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData'
attributes = ->(name) { REXML::XPath.match(root, "//#{name}").map { |found| found.attributes.to_h { |n, v| [n.split(':').last, v.is_a?(String) ? v : v.value] } } }
items = REXML::XPath.match(root, '//Item').map { |item| item.elements.to_h { |one| raise one.name if one.namespace != rasd; [one.name, one.text] } }
puts JSON.generate(files: attributes['File'], disks: attributes['Disk'], networks: attributes['Network'],
                   os: REXML::XPath.first(root, '//vbox:OSType').text, items: items)
`
type Ovf = Record<'files' | 'disks' | 'networks' | 'items', Record<string, string>[]> & { readonly os: string }
function readOvf(text: string): Ovf {
  const { status, stdout, stderr } = spawnSync('ruby', ['-e', READ_OVF], { input: text, encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout)
}

/** A disk as the build makes them, but with nothing in it to boot, and its box for `provider`. */
async function smallBox(t: Test, provider: (typeof PROVIDERS)[number]) {
  const place = t.testdir()
  const disk = join(place, 'disk.img')
  await writeFile(disk, '')
  await truncate(disk, settings.diskGiB * GiB)
  await using file = await open(disk, 'r+')
  // Pieces of the disk that are far apart, and the last one.
  for (const at of [0, 3 * GiB, settings.diskGiB * GiB - 5]) await file.write('lab\n\n', at)
  const box = join(place, `${provider}.box`)
  await pack($({ quiet: true }), provider, { disk, folder: join(place, 'files'), settings }, [], box)
  const files = join(place, 'unpacked')
  await $`mkdir ${files} && tar -C ${files} -xf ${box}`.quiet()
  return { disk, box, files }
}

test('boxes are built for libvirt unless told otherwise, each into a file of its own', async (t) => {
  const libvirt = { provider: 'libvirt', output: '/build/lab-debian.box' }
  const virtualbox = { provider: 'virtualbox', output: '/build/lab-debian-virtualbox.box' }
  t.strictSame(readOrders({}, settings, '/build'), [libvirt])
  t.strictSame(readOrders({ provider: 'virtualbox,libvirt,virtualbox' }, settings, '/build'), [virtualbox, libvirt])
  t.strictSame(readOrders({ output: '/tmp/a.box' }, settings, '/build'), [{ ...libvirt, output: '/tmp/a.box' }])
  const classroom = { ...libvirt, output: '/build/lab-debian-classroom.box' }
  t.strictSame(readOrders({ classroom: true }, settings, '/build'), [classroom])
})

test('an order that cannot be met is refused', async (t) => {
  const orders = (wishes: Parameters<typeof readOrders>[0], architecture: Architecture) => () =>
    readOrders(wishes, { ...settings, architecture }, '/build')
  t.throws(orders({ provider: 'vmware' }, 'amd64'), { message: /no box for the provider "vmware"/ })
  t.throws(orders({ provider: '' }, 'amd64'), { message: /the provider ""/ })
  t.throws(orders({ provider: 'libvirt,virtualbox', output: 'a' }, 'amd64'), { message: /--output names one file/ })
  t.throws(orders({ provider: 'virtualbox' }, 'arm64'), { message: 'there is no VirtualBox box for arm64' })
  t.throws(orders({ classroom: true }, 'arm64'), {
    message: /no classroom box for arm64/,
    fix: /leave out --classroom/,
  })
})

test('the OVF is XML whose parts name each other', needs('ruby'), async (t) => {
  const disk = { file: 'a.vmdk', size: 1234, capacity: 8 * GiB }
  const read = readOvf(ovf({ name: 'lab-debian', cpus: 3, memoryMiB: 2048, disk }))
  t.strictSame(read.files, [{ id: 'file1', href: 'a.vmdk', size: '1234' }])
  t.match(read.disks, [{ fileRef: 'file1', capacity: String(8 * GiB), format: /#streamOptimized$/ }])
  t.equal(read.os, 'Debian_64')

  const [byType, ids] = [
    Map.groupBy(read.items, (item) => item['ResourceType']),
    read.items.map((i) => i['InstanceID']),
  ]
  t.equal(new Set(ids).size, ids.length)
  const only = (type: string) => {
    const [found, ...others] = byType.get(type) ?? []
    if (found === undefined || others.length > 0) throw new Error(`there is not one item of type ${type}`)
    return found
  }
  const [processors, memory, network, drive, controller] = ['3', '4', '10', '17', '20'].map(only)
  t.match(processors, { VirtualQuantity: '3' })
  t.match(memory, { VirtualQuantity: '2048', AllocationUnits: 'MegaBytes' })
  t.equal(network?.['Connection'], read.networks[0]?.['name'])
  t.equal(drive?.['HostResource'], `/disk/${read.disks[0]?.['diskId']}`)
  t.equal(drive?.['Parent'], controller?.['InstanceID'])
  // OVF wants them in the order of the alphabet.
  for (const item of read.items) t.strictSame(Object.keys(item), Object.keys(item).sort())
})

test('the machine that Vagrant makes has the network address of the OVF', async (t) => {
  t.match(MAC, /^080027[0-9A-F]{6}$/, 'of VirtualBox')
  t.match(await readFile(join(ROOT, 'vm/box/pack/Vagrantfile'), 'utf8'), `override.vm.base_mac = '${MAC}'`)
})

test('a VirtualBox box describes the very disk that is in it', needs('ruby', 'qemu-img'), async (t) => {
  const { disk, files } = await smallBox(t, 'virtualbox')
  const image = join(files, 'box-disk001.vmdk')
  const read = readOvf(await readFile(join(files, 'box.ovf'), 'utf8'))
  t.match(read.files, [{ href: 'box-disk001.vmdk', size: String((await stat(image)).size) }])
  t.match(read.disks, [{ capacity: String(settings.diskGiB * GiB) }])
  t.strictSame(JSON.parse(await readFile(join(files, 'metadata.json'), 'utf8')), { provider: 'virtualbox' })

  t.strictSame(await readVmdk(image), { capacity: settings.diskGiB * GiB, grains: 3 })
  const info = JSON.parse((await $`qemu-img info --output=json ${image}`.quiet()).stdout)
  t.match(info, { format: 'vmdk', 'virtual-size': settings.diskGiB * GiB })
  t.equal(info['format-specific'].data['create-type'], 'streamOptimized')
  await $`qemu-img check ${image}`.quiet()
  await $`qemu-img compare -f raw -F vmdk ${disk} ${image}`.quiet()
})

test('a disk that VirtualBox could not read as a stream is found', needs('qemu-img'), async (t) => {
  const { disk, files } = await smallBox(t, 'virtualbox')
  const [good, sparse] = [join(files, 'box-disk001.vmdk'), join(files, 'sparse.vmdk')]
  await $`qemu-img convert -f raw -O vmdk -o subformat=monolithicSparse ${disk} ${sparse}`.quiet()
  await t.rejects(readVmdk(sparse), { message: /version 3|not streamOptimized/ })
  await t.rejects(readVmdk(disk), { message: /begins with KDMV/ })
  await t.rejects(readVmdk(await cut(good)), { message: /in the middle of the stream/ })
})

const DISK_TOOLS = { amd64: [], arm64: ['sfdisk', 'mkfs.vfat', 'mcopy'] } as const
for (const architecture of ARCHITECTURES) {
  const boot = BOOTS[architecture]
  const asRoot =
    process.getuid?.() === 0 ? needs('mke2fs', 'unshare', ...DISK_TOOLS[architecture]) : { skip: 'only root mounts' }

  test(
    `${architecture}: all is on the disk when it is packed, even where somebody else still holds its mount`,
    asRoot,
    async (t) => {
      const place = t.testdir()
      const [disk, mount] = [join(place, 'disk.img'), join(place, 'root')]
      const run = $({ quiet: true })
      await makeDisk(run, disk, settings.diskGiB, boot)
      await mountDisk(run, disk, mount, boot)
      // As another build does: it gets a copy of every mount there is.
      const other = $({ quiet: true, nothrow: true })`unshare --mount sleep 60`
      await $`sleep 0.5`
      await writeFile(join(mount, 'last'), 'the last word')
      await unmountDisk(run, mount, disk, boot)
      const read = await run`debugfs -R ${'cat last'} ${`${disk}?offset=${boot.before * 2 ** 20}`}`
      await other.kill()
      t.equal(read.stdout, 'the last word')
    },
  )

  test(`${architecture}: a damaged file system is found before it is packed`, asRoot, async (t) => {
    const place = t.testdir()
    const [disk, mount] = [join(place, 'disk.img'), join(place, 'root')]
    const run = $({ quiet: true })
    await makeDisk(run, disk, settings.diskGiB, boot)
    // A root folder that counts links which are not there.
    await run`debugfs -w -R ${'set_inode_field / links_count 9'} ${`${disk}?offset=${boot.before * 2 ** 20}`}`
    await mountDisk(run, disk, mount, boot)
    await t.rejects(unmountDisk(run, mount, disk, boot), { message: /exit code: 4/ })
  })
}

test(
  "an arm64 disk has the firmware's partition and the root file system where they are written",
  needs('sfdisk', 'mkfs.vfat'),
  async (t) => {
    const disk = join(t.testdir(), 'disk.img')
    await makeDisk($({ quiet: true }), disk, settings.diskGiB, BOOTS.arm64)
    const { partitiontable } = JSON.parse((await $`sfdisk --json ${disk}`.quiet()).stdout)
    t.match(partitiontable, { label: 'gpt', sectorsize: 512 })
    const [esp, root] = partitiontable.partitions
    t.equal(esp.type, 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B', 'the type that a UEFI looks for')
    t.equal(root.start * 512, BOOTS.arm64.before * 2 ** 20)
    const { stdout } = await $`dumpe2fs -h ${`${disk}?offset=${root.start * 512}`}`.quiet()
    const of = (key: string) => Number(new RegExp(`^${key}: +(\\d+)`, 'm').exec(stdout)?.[1])
    t.ok(of('Block count') * of('Block size') <= root.size * 512, 'the file system ends in its partition')
  },
)

/** A copy without the zeros at its end, which are what ends the stream. */
async function cut(path: string): Promise<string> {
  const bytes = await readFile(path)
  const end = bytes.findLastIndex((byte) => byte !== 0)
  const copy = `${path}.cut`
  await writeFile(copy, bytes.subarray(0, Math.ceil(end / 512) * 512))
  return copy
}

for (const provider of PROVIDERS) {
  test(`Vagrant takes the box for ${provider}`, needs('vagrant', 'qemu-img'), async (t) => {
    const { box } = await smallBox(t, provider)
    // A home of its own, and outside the project, whose Vagrantfile would ask for its own box.
    const vagrant = $({ quiet: true, cwd: tmpdir(), env: { ...process.env, VAGRANT_HOME: t.testdirName } })
    await vagrant`vagrant box add --name ${settings.box} --provider ${provider} ${box}`
    t.match((await vagrant`vagrant box list`).stdout, new RegExp(`${settings.box} +\\(${provider}, 0`))
    const other = PROVIDERS.find((one) => one !== provider)
    const refused = await vagrant`vagrant box add --name other/box --provider ${other ?? ''} ${box}`.nothrow()
    t.not(refused.exitCode, 0, 'and as no other')
    await rm(join(t.testdirName, 'boxes'), { recursive: true })
  })
}
