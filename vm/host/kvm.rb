# Does hardware virtualisation work on this host? /dev/kvm may exist although guests hang, or although QEMU may not open it.
require 'tempfile'
require 'timeout'
require_relative 'machine'
require_relative 'ports'

# Plain functions, so that they can be tried without Vagrant.
module Kvm
  # A guest of ten bytes ends in half a second; a busy host gets more.
  SECONDS = 10
  # cli; mov dx, 0xf4; mov al, 0x31; out dx, al; hlt. QEMU's device at that port ends it with 2 × 0x31 + 1.
  SECTOR = [['fabaf400b031eef4ebfd'].pack('H*').ljust(510, "\0".b), ['55aa'].pack('H*')].join.freeze
  ENDS_WITH = 99

  module_function

  # :works, :hangs, or :refused by libvirt; nil if it cannot be tried. :works means that guests run the firmware and their
  # first instructions, and no more.
  def state(architecture)
    return :refused unless libvirt_offers?(architecture)

    runs(architecture)
  end

  # libvirt asks QEMU, with the account that runs its machines.
  def libvirt_offers?(architecture)
    return true unless Machine.found?('virsh')

    processor = architecture == 'arm64' ? 'aarch64' : 'x86_64'
    !Ports.ask('virsh', '--connect', 'qemu:///system', 'domcapabilities', '--virttype', 'kvm', '--arch', processor, seconds: 20).empty?
  end

  # Tries it only for an amd64 processor, and only if this user may open /dev/kvm.
  def runs(architecture, accelerator: 'kvm', seconds: SECONDS)
    return unless architecture == 'amd64' && Machine.found?('qemu-system-x86_64')
    return if accelerator == 'kvm' && !File.writable?('/dev/kvm')

    Tempfile.create('failover-lab-probe', binmode: true) do |disk|
      disk.write(SECTOR)
      disk.flush
      ended?(command(disk.path, accelerator), seconds) ? :works : :hangs
    end
  end

  def command(disk, accelerator)
    ['qemu-system-x86_64', '-accel', accelerator, '-m', '16', '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot',
     '-device', 'isa-debug-exit,iobase=0xf4,iosize=1', '-drive', "file=#{disk},format=raw,if=floppy", '-boot', 'a']
  end

  # Does the guest end as it should, in time?
  def ended?(command, seconds)
    pid = Process.spawn(*command, in: File::NULL, out: File::NULL, err: File::NULL)
    Timeout.timeout(seconds) { Process.wait2(pid).last.exitstatus == ENDS_WITH }
  rescue Timeout::Error
    Ports.forget(pid)
    false
  end
end
