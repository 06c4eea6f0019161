# The machine's settings for the Vagrantfile: vm/settings.json, overridden by LAB_* variables of the environment.
require 'digest'
require 'etc'
require 'json'
require 'rbconfig'

# Plain functions, so that they can be tried without Vagrant. A wrong setting is an ArgumentError.
module Machine
  PROJECT = File.expand_path('../..', __dir__)
  DRIVERS = %w[auto kvm qemu].freeze
  ARCHITECTURES = %w[amd64 arm64].freeze

  # It is beside the machine's own folder: Vagrant empties that folder whenever it looks for a machine that does not exist yet.
  OFFSET_FILE = 'failover-lab-port-offset'.freeze
  # vagrant-qemu's own, before LAB_PORT_OFFSET.
  QEMU_SSH_PORT = 50_022

  Settings = Struct.new(:cpus, :memory, :offset, :ports, :driver, keyword_init: true)
  Port = Struct.new(:node, :guest, :host, keyword_init: true)

  module_function

  def table
    JSON.parse(File.read(File.join(PROJECT, 'vm/settings.json')))
  end

  def settings(environment = ENV)
    offset = number(environment, 'LAB_PORT_OFFSET', kept_offset(environment) || 0, 0..table['maxPortOffset'])
    chosen = driver(given(environment, 'LAB_VM_DRIVER') || 'auto')
    Settings.new(
      cpus: number(environment, 'LAB_CPUS', table[chosen == 'qemu' ? 'emulatedCpus' : 'cpus'], 1..64),
      memory: number(environment, 'LAB_MEMORY', table['memoryMiB'], 1024..1_048_576),
      offset: offset,
      ports: ports(offset),
      driver: chosen
    )
  end

  # The LAB_PORT_OFFSET of the machine's first start, as long as the machine exists: later starts need no variable.
  def kept_offset(environment = ENV)
    data = File.expand_path(given(environment, 'VAGRANT_DOTFILE_PATH') || '.vagrant', PROJECT)
    return if Dir.glob('machines/*/*/id', base: data).empty?

    Integer(File.read(File.join(data, OFFSET_FILE)), 10)
  rescue SystemCallError, ArgumentError
    nil
  end

  def ports(offset)
    table['ports'].map { |node, port| Port.new(node: node, guest: port, host: port + offset) }
  end

  # Each side makes the files that Git ignores for itself (node_modules, results), so they stay on their side.
  # The names have no slash at the end: after each copy Vagrant checks the owner of all other files, and it compares names as
  # they are written here. For the 20,000 files of node_modules that check takes minutes under emulation.
  def ignored(lines = File.readlines(File.join(PROJECT, '.gitignore'), chomp: true))
    ['.git', *lines.map(&:strip).reject { |line| line.empty? || line.start_with?('#', '!') }].map { |line| line.chomp('/') }
  end

  # What `vagrant up` says last: where the lab answers on this host.
  def endpoints(offset)
    lines = ports(offset).map { |port| format('  %-11<node>s 127.0.0.1:%<host>d', node: port.node, host: port.host) }
    "The lab on this host:\n#{lines.join("\n")}\nGo on inside: vagrant ssh"
  end

  # Settings of the lab that the host passes on to the machine, if they are set. The lab itself checks their values; this
  # only checks that they can be written into a shell's file.
  def guest_settings(environment = ENV)
    names = table['guestSettings'].select { |name| given(environment, name) }
    names.to_h { |name| [name, environment[name]] }.each do |name, value|
      raise ArgumentError, "#{name} contains characters that no setting of the lab may have: unset it" unless value.match?(%r{\A[\w.:/@%+~,-]+\z})
    end
  end

  # The folder with certificate authorities that this host was given, or nil.
  def certificates(environment = ENV)
    asked = given(environment, 'LAB_CERTIFICATES')
    folder = asked || '/usr/local/share/ca-certificates'
    return folder unless Dir.glob('**/*.crt', base: folder).empty?
    raise ArgumentError, "LAB_CERTIFICATES is #{asked.inspect}: unset it or set it to a folder with certificates, files named *.crt" if asked
  end

  # First part of libvirt's name for the machine. All users of a host share these names, so it contains this user and an id of
  # this clone. An older machine keeps its name: Vagrant knows it by its id.
  def prefix(folder = PROJECT, user = Etc.getpwuid&.name || Etc.getlogin)
    "failover-lab-#{user.to_s.downcase.gsub(/[^a-z0-9]/, '')}-#{Digest::SHA256.hexdigest(File.realpath(folder))[0, 6]}_"
  end

  # Rows of vm/host-packages.txt for the machine's processor: name, use, processor, and the proof that the package is there.
  def host_packages
    rows = File.readlines(File.join(PROJECT, 'vm/host-packages.txt')).map { |line| line.sub(/#.*/, '').split }
    rows.select { |_name, _use, processor| ['any', architecture].include?(processor) }
  end

  # The line that installs what a Debian or Ubuntu host needs.
  def install_line(names = host_packages.map(&:first))
    "sudo apt-get update && sudo apt-get install -y --no-install-recommends #{names.join(' ')}"
  end

  # The processor of the machine, as Debian calls it.
  def architecture(environment = ENV)
    asked = given(environment, 'LAB_ARCHITECTURE') or return own_architecture
    return asked if ARCHITECTURES.include?(asked)

    raise ArgumentError, "LAB_ARCHITECTURE is #{asked.inspect}: unset it or set it to one of #{ARCHITECTURES.join(', ')}"
  end

  def own_architecture(processor = RbConfig::CONFIG['host_cpu'])
    processor.match?(/arm64|aarch64/) ? 'arm64' : 'amd64'
  end

  def driver(choice)
    unless DRIVERS.include?(choice)
      raise ArgumentError, "LAB_VM_DRIVER is #{choice.inspect}: unset it or set it to one of #{DRIVERS.join(', ')}"
    end
    return choice unless choice == 'auto'

    File.readable?('/dev/kvm') && File.writable?('/dev/kvm') && architecture == own_architecture ? 'kvm' : 'qemu'
  end

  def number(environment, name, fallback, range)
    text = given(environment, name) or return fallback
    value = Integer(text, 10, exception: false)
    return value if value && range.cover?(value)

    raise ArgumentError,
          "#{name} is #{text.inspect}: unset it or set it to a whole number from #{range.min} to #{range.max}"
  end

  # A variable set to nothing counts as unset, as shells leave it behind.
  def given(environment, name)
    environment[name] unless environment[name].to_s.empty?
  end

  def linux?
    RbConfig::CONFIG['host_os'].include?('linux')
  end

  # Is there such a command on this host, in PATH or these other folders?
  def found?(command, besides = [])
    [*ENV['PATH'].split(File::PATH_SEPARATOR), *besides].any? { |folder| File.executable?(File.join(folder, command)) }
  end
end
