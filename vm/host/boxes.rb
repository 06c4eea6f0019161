# Chooses the box for the machine: the box that was asked for, else one that was built here or can be built, else the
# public box, as long as its registry serves it. LAB_BOX, LAB_BOX_URL, LAB_BOX_VERSION and LAB_BOX_CHECKSUM ask for one.
require 'date'
require 'rbconfig'
require_relative 'machine'

# Plain functions, so that they can be tried without Vagrant.
module Boxes
  BUILD = File.join(Machine::PROJECT, 'vm/build')
  # If there is no box, `vagrant up` builds one for this provider.
  BUILT_FOR = 'libvirt'.freeze
  # Formats that a provider takes: older versions of vagrant-qemu look for boxes of libvirt, newer ones for their own.
  FORMATS = { 'qemu' => %w[qemu libvirt] }.freeze
  # For each provider that vm/box.ts knows, the ending of its file's name; vagrant-qemu takes the boxes of libvirt.
  ENDINGS = { 'libvirt' => '', 'qemu' => '', 'virtualbox' => '-virtualbox' }.freeze

  # kind: :asked (named by LAB_BOX…), :own (built here, or about to be built), :public, or :none.
  Box = Struct.new(:kind, :name, :url, :version, :checksum, :provider, :until, keyword_init: true)

  module_function

  # Gives a Vagrantfile's `config.vm` the box for that provider; nil stands for every provider without a block of its own.
  def use(config, provider)
    box = choose(provider)
    # It sets all of them each time: a provider would inherit a missing one from the box of another provider.
    config.box = box.name
    config.box_url = box.url
    config.box_version = box.version
    config.box_download_checksum = box.checksum
    config.box_download_checksum_type = box.checksum && 'sha256'
  end

  def choose(provider, environment = ENV, today: Date.today, builds: buildable?, has: method(:known?), made: method(:built))
    table = Machine.table
    own, public_box = table.values_at('box', 'publicBox')
    name, url, version = %w[LAB_BOX LAB_BOX_URL LAB_BOX_VERSION].map { |it| Machine.given(environment, it) }
    rest = { provider: provider, checksum: checksum(environment), version: version }

    if url || (name && name != own)
      name ||= own
      Box.new(kind: :asked, name: name, url: url || built(name, provider), **rest)
    elsif name || made.call(own, provider) || has.call(own, provider) || (builds && provider == BUILT_FOR)
      Box.new(kind: :own, name: own, url: ("file://#{file(own, provider)}" if ENDINGS.key?(provider)), **rest)
    else
      last_day = public_box['until']
      served = today <= Date.parse(last_day) || has.call(public_box['name'], provider)
      Box.new(kind: served ? :public : :none, name: public_box['name'], until: last_day,
              **rest, version: version || public_box['version'])
    end
  end

  # Why a machine cannot be made from that box, or nil; `there` is whether Vagrant has it already.
  def complaint(box, there:, builds: buildable?)
    if box.kind == :own && box.version
      return 'LAB_BOX_VERSION is set, but a box that was built here has no version. ' \
             'Unset LAB_BOX_VERSION, or name the box that has this version: LAB_BOX=owner/name'
    end
    return if there
    # Vagrant would ignore the checksum: it checks one only for a file.
    return "LAB_BOX_CHECKSUM is set, but #{box.name} comes from a registry. Unset LAB_BOX_CHECKSUM, or name the file that has it: LAB_BOX_URL" if box.checksum && !box.url

    nowhere = box.kind == :none || (box.kind == :own && !built(box.name, box.provider) && !(builds && box.provider == BUILT_FOR))
    no_box(box) if nowhere
  end

  def no_box(box, architecture = Machine.architecture)
    served = ", and the registry of #{box.name} has not served one since #{box.until}" if box.until
    "There is no box for #{box.provider} and #{architecture} here#{served}.\n" \
      "#{way_to_build(box.provider, architecture)}" \
      'Or use any other box with Debian 13: LAB_BOX_URL=/path/to/file.box vagrant up'
  end

  # The command that builds such a box, and the host for it; nil if no such box can be built.
  def way_to_build(provider, architecture)
    return if provider == 'virtualbox' && architecture != 'amd64'

    options = [
      *('--provider virtualbox' if provider == 'virtualbox'), *("--architecture #{architecture}" if architecture != 'amd64')
    ]
    where = architecture == 'amd64' ? 'Linux with an amd64 processor' : 'Linux'
    "One command builds one, on #{where}:\n  #{['npm ci && npx zx vm/box.ts', *options].join(' ')}\n"
  end

  # Where vm/box.ts writes a box of that name; vm/box/settings.ts names it the same way.
  def file(name, provider, architecture = Machine.architecture)
    processor = "-#{architecture}" if architecture != 'amd64'
    File.join(BUILD, "#{name.tr('/', '-')}#{ENDINGS.fetch(provider)}#{processor}.box")
  end

  def built(name, provider)
    "file://#{file(name, provider)}" if ENDINGS.key?(provider) && File.exist?(file(name, provider))
  end

  # Does Vagrant have a box of that name for that provider, in whatever version?
  def known?(name, provider, home = ENV['VAGRANT_HOME'] || File.join(Dir.home, '.vagrant.d'))
    folder = File.join(home, 'boxes', name.gsub('/', '-VAGRANTSLASH-'))
    # Since 2.4 there is one more level, for the architecture.
    FORMATS.fetch(provider, [provider].compact).any? do |format|
      Dir.glob(["*/#{format}/metadata.json", "*/*/#{format}/metadata.json"], base: folder).any?
    end
  end

  # Can vm/box.ts work here? If apt-get can install what is missing, the answer is yes: vm/box.ts then names it.
  def buildable?(architecture = Machine.architecture, host = RbConfig::CONFIG.values_at('host_os', 'host_cpu').join(' '))
    processors = { 'amd64' => /linux.* (x86_64|amd64)$/, 'arm64' => /linux.* (x86_64|amd64|aarch64|arm64)$/ }
    host.match?(processors.fetch(architecture)) && %w[mmdebstrap apt-get].any? { |command| Machine.found?(command) }
  end

  def checksum(environment)
    text = Machine.given(environment, 'LAB_BOX_CHECKSUM') or return
    return text.downcase if text.match?(/\A\h{64}\z/)

    raise ArgumentError, "LAB_BOX_CHECKSUM is #{text.inspect}: unset it or set it to a SHA-256, 64 hexadecimal digits"
  end
end
