# The machine's settings for the Vagrantfile: vm/settings.json with LAB_* variables of the environment over it.
require 'json'
require 'rbconfig'
require 'socket'

# Plain functions, so that they can be tried without Vagrant. What is wrong with a setting is an ArgumentError.
module Machine
  FOLDER = __dir__
  DRIVERS = %w[auto kvm qemu].freeze
  ARCHITECTURES = %w[amd64 arm64].freeze

  Settings = Struct.new(:box, :own_box, :box_file, :virtualbox_file, :public_box, :cpus, :memory, :ports, :driver, keyword_init: true)
  Port = Struct.new(:node, :guest, :host, keyword_init: true)

  module_function

  def settings(environment = ENV)
    table = JSON.parse(File.read(File.join(FOLDER, 'settings.json')))
    offset = number(environment, 'LAB_PORT_OFFSET', 0, 0..14_000)
    box = given(environment, 'LAB_BOX') || table['box']
    chosen = driver(given(environment, 'LAB_VM_DRIVER') || 'auto')
    Settings.new(
      box: box,
      own_box: box == table['box'],
      box_file: box_file(box, environment),
      virtualbox_file: box_file(box, environment, '-virtualbox'),
      public_box: table['publicBox'],
      cpus: number(environment, 'LAB_CPUS', table[chosen == 'qemu' ? 'emulatedCpus' : 'cpus'], 1..64),
      memory: number(environment, 'LAB_MEMORY', table['memoryMiB'], 1024..1_048_576),
      ports: table['ports'].map { |node, port| Port.new(node: node, guest: port, host: port + offset) },
      driver: chosen
    )
  end

  # Files that Git ignores are what each side makes for itself (node_modules, results): they stay on their side.
  def ignored(lines = File.readlines(File.join(FOLDER, '..', '.gitignore'), chomp: true))
    ['.git/', *lines.map(&:strip).reject { |line| line.empty? || line.start_with?('#', '!') }]
  end

  # What Vagrant prints last: where the lab answers on this host.
  def endpoints(settings)
    lines = settings.ports.map { |port| format('  %-11<node>s 127.0.0.1:%<host>d', node: port.node, host: port.host) }
    "The lab on this host:\n#{lines.join("\n")}\nGo on inside: vagrant ssh"
  end

  # The line that installs what a Debian or Ubuntu host needs.
  def install_line
    names = File.readlines(File.join(FOLDER, 'host-packages.txt')).map { |line| line[/^[^\s#]+/] }.compact
    "sudo apt-get update && sudo apt-get install -y --no-install-recommends #{names.join(' ')}"
  end

  # Ports that something else on this host listens on already.
  def taken(ports)
    ports.reject do |port|
      TCPServer.new('127.0.0.1', port.host).close || true
    rescue Errno::EADDRINUSE
      false
    end
  end

  # The file that vm/box.ts writes; vm/settings.ts names it the same way.
  def box_file(box, environment, provider = '')
    processor = architecture(given(environment, 'LAB_ARCHITECTURE') || own_architecture)
    File.join(FOLDER, 'build', "#{box.tr('/', '-')}#{provider}#{"-#{processor}" unless processor == 'amd64'}.box")
  end

  def architecture(choice)
    return choice if ARCHITECTURES.include?(choice)

    raise ArgumentError,
          "LAB_ARCHITECTURE is #{choice.inspect}: unset it or set it to one of #{ARCHITECTURES.join(', ')}"
  end

  def own_architecture
    RbConfig::CONFIG['host_cpu'].match?(/arm64|aarch64/) ? 'arm64' : 'amd64'
  end

  def driver(choice)
    unless DRIVERS.include?(choice)
      raise ArgumentError, "LAB_VM_DRIVER is #{choice.inspect}: unset it or set it to one of #{DRIVERS.join(', ')}"
    end
    return choice unless choice == 'auto'

    File.readable?('/dev/kvm') && File.writable?('/dev/kvm') ? 'kvm' : 'qemu'
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
end
