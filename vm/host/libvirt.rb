# The machine that libvirt makes: how large it is, and its processor, this host's or an emulated one.
require_relative 'machine'

module LibvirtMachine
  module_function

  def configure(libvirt, settings)
    libvirt.default_prefix = Machine.prefix
    # An emulated machine has one processor: QEMU runs two truly side by side, and then V8 crashes in a few of a hundred starts.
    libvirt.cpus = settings.cpus
    libvirt.memory = settings.memory
    libvirt.driver = settings.driver
    libvirt.graphics_type = 'none'
    libvirt.video_type = 'none'
    arm64 = Machine.architecture == 'arm64'
    processor(libvirt, settings.driver, arm64)
    arm64_board(libvirt) if arm64
  end

  def processor(libvirt, driver, arm64)
    if driver == 'qemu'
      # These models have everything that Node and PostgreSQL need, but no memory protection keys. QEMU's largest models
      # emulate such keys, and with them V8 crashes in one start of thirty.
      libvirt.cpu_mode = 'custom'
      libvirt.cpu_model = arm64 ? 'cortex-a72' : 'Nehalem'
    elsif arm64
      # The default is host-model, which libvirt does not have for arm64.
      libvirt.cpu_mode = 'host-passthrough'
    end
  end

  # The box boots by UEFI. libvirt refuses the plugin's own features and its PS/2 mouse for such a machine.
  def arm64_board(libvirt)
    libvirt.machine_arch = 'aarch64'
    libvirt.machine_type = 'virt'
    libvirt.loader = '/usr/share/qemu-efi-aarch64/QEMU_EFI.fd'
    libvirt.features = []
    libvirt.input type: 'tablet', bus: 'virtio'
  end
end
