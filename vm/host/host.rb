# `vagrant up` with libvirt checks this host here, before it builds or starts anything. Each lack has a line that repairs it.
require 'socket'
require_relative 'kvm'
require_relative 'machine'
require_relative 'ports'

# Plain functions, so that they can be tried without Vagrant.
module Host
  SOCKETS = %w[/run/libvirt/libvirt-sock /run/libvirt/virtqemud-sock].freeze
  # Time for libvirt's answer, even on a busy host.
  SECONDS = 20
  # Where libvirt keeps the disks of machines.
  POOL = '/var/lib/libvirt/images'.freeze
  # MiB for the machine's disk.
  MACHINE = 6 * 1024

  # libvirt: :answers, :absent, :denied or :silent.
  # kvm: :works, :hangs, :refused, or nil if it was not tried. free: folder to [MiB there, MiB needed].
  Facts = Struct.new(:missing, :libvirt, :kvm, :free, :rootless, :systemd, keyword_init: true)

  module_function

  # Everything that is missing, as one text; nil if nothing is missing.
  def complaint(facts)
    lacks = lacks(facts)
    return if lacks.empty?

    "This host lacks what `vagrant up` needs:\n#{lacks.map { |what, fix| "  ✗ #{what}\n    → #{fix}" }.join("\n")}"
  end

  # Pairs of what is missing and what repairs it.
  def lacks(facts)
    [
      (["not installed: #{facts.missing.join(', ')}", Machine.install_line(facts.missing)] unless facts.missing.empty?),
      libvirt_lack(facts),
      kvm_lack(facts.kvm),
      *space_lacks(facts.free),
      (['building the box needs root, but there is no sudo', 'build it as root: npm ci && npx zx vm/box.ts'] if facts.rootless)
    ].compact
  end

  def libvirt_lack(facts)
    # systemd starts it when it is installed. If it does not, the next `vagrant up` says so.
    return if facts.libvirt == :absent && facts.missing.include?('libvirt-daemon-system') && facts.systemd

    case facts.libvirt
    when :absent then ['libvirtd does not run', facts.systemd ? 'sudo systemctl enable --now libvirtd' : 'sudo vm/prepare-host']
    when :denied then ['libvirtd does not let this user in', 'sudo usermod -aG libvirt $USER, then log in again']
    when :silent
      ["libvirtd gave no answer to `virsh version` in #{SECONDS} s",
       "see what it says: #{facts.systemd ? 'journalctl -u libvirtd' : '/var/log/libvirt/failover-lab.log'}; then start it again"]
    end
  end

  KVM_SAYS = {
    hangs: "/dev/kvm exists but does not work: a tiny guest did not end within #{Kvm::SECONDS} s",
    refused: "libvirt's QEMU may not use /dev/kvm, or the processor's virtualisation is off"
  }.freeze

  def kvm_lack(kvm)
    [KVM_SAYS.fetch(kvm), 'run without KVM, ten times as slowly: LAB_VM_DRIVER=qemu vagrant up'] if KVM_SAYS.key?(kvm)
  end

  def space_lacks(free)
    free.filter_map do |folder, (there, needed)|
      ["#{there} MiB are free in #{folder}, but #{needed} are needed", 'free some space there'] if there && there < needed
    end
  end

  # What this host has. `builds`: a box will be built; `creates`: the machine is not there yet.
  def facts(settings, builds:, creates:, root: Machine::PROJECT)
    uses = ['up', *('box' if builds), *('deps' if builds && !File.exist?("#{root}/node_modules/.bin/zx"))]
    libvirt = libvirt_state
    Facts.new(
      missing: missing(uses),
      libvirt: libvirt,
      kvm: (Kvm.state(Machine.architecture) if settings.driver == 'kvm' && libvirt == :answers),
      free: { POOL => (MACHINE if creates), root => (Machine.table['buildGiB'] * 1024 if builds) }.compact.to_h { |it, needed| [it, [free(it), needed]] },
      rootless: builds && Process.uid != 0 && !Machine.found?('sudo'),
      systemd: File.directory?('/run/systemd/system')
    )
  end

  # Packages of vm/host-packages.txt for these uses, except those that are there according to their proof.
  def missing(uses, rows = Machine.host_packages)
    rows.filter_map { |name, use, _, proof| name if uses.include?(use) && proof && !there?(proof) }
  end

  # All packages of the list, except those whose proof is there, whatever installed it.
  def to_install
    Machine.host_packages.filter_map { |name, _use, _processor, proof| name unless proof && there?(proof) }
  end

  def there?(proof)
    proof.split('|').any? { |it| it.start_with?('/') ? File.readable?(it) : Machine.found?(it, %w[/usr/sbin /sbin]) }
  end

  def libvirt_state(sockets = SOCKETS)
    # Whoever names another libvirt than this host's has to look after it.
    return :answers unless [nil, '', 'qemu:///system'].include?(ENV['LIBVIRT_DEFAULT_URI'])

    states = sockets.map { |path| connects(path) }
    return states.include?(:denied) ? :denied : :absent unless states.include?(:answers)

    Ports.ask('virsh', '--connect', 'qemu:///system', 'version', seconds: SECONDS).empty? && Machine.found?('virsh') ? :silent : :answers
  end

  def connects(path)
    UNIXSocket.new(path).close
    :answers
  rescue Errno::EACCES, Errno::EPERM
    :denied
  rescue SystemCallError
    :absent
  end

  # MiB that are free in a folder; nil if that is unknown.
  def free(folder)
    Ports.ask('df', '-Pm', folder).lines.last.to_s.split[3]&.then { |text| Integer(text, 10, exception: false) }
  end
end
