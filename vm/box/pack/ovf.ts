/** The network card's address; the box's Vagrantfile gives the same to the machine that Vagrant makes. */
export const MAC = '080027FA1107'

/** A machine that has one disk and one network card. */
export type Machine = {
  readonly name: string
  readonly cpus: number
  readonly memoryMiB: number
  readonly disk: { readonly file: string; readonly size: number; readonly capacity: number }
}

/**
 * The machine as OVF 1.0, for VirtualBox. VirtualBox offers this hardware, and Debian's kernel for virtual machines has
 * drivers for it. The disk is on AHCI: VirtualBox uses that for Debian machines, and boots from it. The network card is
 * virtio: that kernel knows no Intel card. Without <vbox:Machine> VirtualBox chooses everything else as it recommends for
 * Debian.
 */
export function ovf({ name, cpus, memoryMiB, disk }: Machine): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<Envelope ovf:version="1.0" xml:lang="en-US"
  xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
  xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"
  xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData"
  xmlns:vbox="http://www.virtualbox.org/ovf/machine">
  <References>
    <File ovf:id="file1" ovf:href="${disk.file}" ovf:size="${disk.size}"/>
  </References>
  <DiskSection>
    <Info>The disk</Info>
    <Disk ovf:diskId="vmdisk1" ovf:fileRef="file1" ovf:capacity="${disk.capacity}"
      ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>
  </DiskSection>
  <NetworkSection>
    <Info>The network</Info>
    <Network ovf:name="NAT"><Description>VirtualBox's own, to the outside</Description></Network>
  </NetworkSection>
  <VirtualSystem ovf:id="${name}">
    <Info>A machine for Failover Lab</Info>
    <OperatingSystemSection ovf:id="96">
      <Info>Debian with an amd64 processor</Info>
      <Description>Debian_64</Description>
      <vbox:OSType ovf:required="false">Debian_64</vbox:OSType>
    </OperatingSystemSection>
    <VirtualHardwareSection>
      <Info>The hardware</Info>
      <System>
        <vssd:ElementName>Virtual Hardware Family</vssd:ElementName>
        <vssd:InstanceID>0</vssd:InstanceID>
        <vssd:VirtualSystemIdentifier>${name}</vssd:VirtualSystemIdentifier>
        <vssd:VirtualSystemType>virtualbox-2.2</vssd:VirtualSystemType>
      </System>
${[
  item({ ElementName: `${cpus} processors`, InstanceID: 1, ResourceType: 3, VirtualQuantity: cpus }),
  item({
    AllocationUnits: 'MegaBytes',
    ElementName: `${memoryMiB} MB of memory`,
    InstanceID: 2,
    ResourceType: 4,
    VirtualQuantity: memoryMiB,
  }),
  item({ Address: 0, ElementName: 'SATA', InstanceID: 3, ResourceSubType: 'AHCI', ResourceType: 20 }),
  item({
    AddressOnParent: 0,
    ElementName: 'disk1',
    HostResource: '/disk/vmdisk1',
    InstanceID: 4,
    Parent: 3,
    ResourceType: 17,
  }),
  item({
    Address: MAC,
    AutomaticAllocation: 'true',
    Connection: 'NAT',
    ElementName: 'network card',
    InstanceID: 5,
    ResourceSubType: 'virtio-net',
    ResourceType: 10,
  }),
].join('\n')}
    </VirtualHardwareSection>
  </VirtualSystem>
</Envelope>
`
}

/** One piece of hardware. The keys are given in alphabetical order, the one that OVF asks for. */
function item(values: Readonly<Record<string, string | number>>): string {
  const lines = Object.entries(values).map(([key, value]) => `        <rasd:${key}>${value}</rasd:${key}>`)
  return ['      <Item>', ...lines, '      </Item>'].join('\n')
}
