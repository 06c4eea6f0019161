# The machine's settings for the Vagrantfile: vm/settings.json with LAB_* variables of the environment over it.
require 'json'
require 'rbconfig'

# Plain functions, so that they can be tried without Vagrant. What is wrong with a setting is an ArgumentError.
module Machine
  FOLDER = __dir__
  DRIVERS = %w[auto kvm qemu].freeze
  ARCHITECTURES = %w[amd64 arm64].freeze

  Settings = Struct.new(:cpus, :memory, :offset, :ports, :driver, keyword_init: true)
  Port = Struct.new(:node, :guest, :host, keyword_init: true)

  module_function

  def table
    JSON.parse(File.read(File.join(FOLDER, 'settings.json')))
  end

  def settings(environment = ENV)
    offset = number(environment, 'LAB_PORT_OFFSET', 0, 0..14_000)
    chosen = driver(given(environment, 'LAB_VM_DRIVER') || 'auto')
    Settings.new(
      cpus: number(environment, 'LAB_CPUS', table[chosen == 'qemu' ? 'emulatedCpus' : 'cpus'], 1..64),
      memory: number(environment, 'LAB_MEMORY', table['memoryMiB'], 1024..1_048_576),
      offset: offset,
      ports: ports(offset),
      driver: chosen
    )
  end

  def ports(offset)
    table['ports'].map { |node, port| Port.new(node: node, guest: port, host: port + offset) }
  end

  # Files that Git ignores are what each side makes for itself (node_modules, results): they stay on their side.
  def ignored(lines = File.readlines(File.join(FOLDER, '..', '.gitignore'), chomp: true))
    ['.git/', *lines.map(&:strip).reject { |line| line.empty? || line.start_with?('#', '!') }]
  end

  # What `vagrant up` says last: where the lab answers on this host.
  def endpoints(offset)
    lines = ports(offset).map { |port| format('  %-11<node>s 127.0.0.1:%<host>d', node: port.node, host: port.host) }
    "The lab on this host:\n#{lines.join("\n")}\nGo on inside: vagrant ssh"
  end

  # The folder with certificate authorities that this host was given, or nil.
  def certificates(environment = ENV)
    asked = given(environment, 'LAB_CERTIFICATES')
    folder = asked || '/usr/local/share/ca-certificates'
    return folder unless Dir.glob('**/*.crt', base: folder).empty?
    raise ArgumentError, "LAB_CERTIFICATES is #{asked.inspect}: unset it or set it to a folder with certificates, files named *.crt" if asked
  end

  # The line that installs what a Debian or Ubuntu host needs.
  def install_line
    rows = File.readlines(File.join(FOLDER, 'host-packages.txt')).map { |line| line.sub(/#.*/, '').split }
    names = rows.filter_map { |name, _use, processor| name if ['any', architecture].include?(processor) }
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

  # Is there such a command on this host?
  def found?(command)
    ENV['PATH'].split(File::PATH_SEPARATOR).any? { |folder| File.executable?(File.join(folder, command)) }
  end
end
