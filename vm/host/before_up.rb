# Before a machine starts, the Vagrantfile checks here that the host can run it, that its ports are free, and that there is
# a box. If there is none, it builds one. When the machine is up, it says where the lab answers.
require_relative 'machine'
require_relative 'boxes'
require_relative 'host'
require_relative 'ports'
require_relative 'forwards'

module BeforeUp
  # Vagrant prints the message of such an error, without a stack trace.
  class Refused < Vagrant::Errors::VagrantError
    def initialize(message)
      @said = message
      super()
    end

    def error_message
      @said
    end
  end

  module_function

  # If Vagrant has no provider at all, its own message helps nobody.
  def need_provider
    return if Vagrant.has_plugin?('vagrant-libvirt') || Machine.found?('VBoxManage') || !Machine.linux?

    abort "Vagrantfile: there is neither libvirt nor VirtualBox for Vagrant here. For libvirt:\n  sudo vm/prepare-host\nor, by hand:\n  #{Machine.install_line(Host.to_install)}"
  end

  # Machines in these states have their ports already, whatever LAB_PORT_OFFSET says now.
  STARTED = %i[running saved paused].freeze

  def up(machine, settings)
    need_host(machine, settings)
    return forward_again(machine, settings) if machine.state.id == :running
    return if STARTED.include?(machine.state.id)

    refuse(Ports.complaint(settings))
    find_box(machine) if machine.state.id == :not_created
    say_how(machine, settings) if machine.provider_name == :libvirt
    offset_file(machine).write(settings.offset)
  end

  # This comes first: even the machine's state comes from libvirt, and building a box takes minutes.
  def need_host(machine, settings)
    return unless machine.provider_name == :libvirt && Machine.linux?

    creates = machine.id.nil?
    refuse(Host.complaint(Host.facts(settings, builds: creates && builds_box?(machine), creates: creates)))
  end

  def builds_box?(machine)
    box = Boxes.choose(machine.provider_name.to_s)
    box.kind == :own && machine.box.nil? && !Boxes.built(box.name, box.provider)
  end

  # If a machine runs already, Vagrant only provisions it. So this looks after its forwarded ports.
  def forward_again(machine, settings)
    return unless machine.provider_name == :libvirt

    refuse(Ports.complaint(settings)) unless offset_of(machine) == settings.offset
    Forwards.renew(machine)
    offset_file(machine).write(settings.offset)
  end

  def reload(machine, settings)
    # The machine itself listens on its own ports.
    return if machine.state.id == :running && offset_of(machine) == settings.offset

    refuse(Ports.complaint(settings))
    offset_file(machine).write(settings.offset)
  end

  # The lab answers at the ports with which the machine was started. Another LAB_PORT_OFFSET does not move them.
  def say_endpoints(machine, settings)
    offset = offset_of(machine) || settings.offset
    machine.ui.success(Machine.endpoints(offset))
    return if offset == settings.offset

    machine.ui.warn("The machine was started with LAB_PORT_OFFSET=#{offset}, and keeps it. To move it: LAB_PORT_OFFSET=#{settings.offset} vagrant reload")
  end

  def offset_of(machine)
    Integer(offset_file(machine).read, 10)
  rescue SystemCallError, ArgumentError
    nil
  end

  def offset_file(machine)
    machine.env.local_data_path.join(Machine::OFFSET_FILE)
  end

  def find_box(machine)
    box = Boxes.choose(machine.provider_name.to_s)
    refuse(Boxes.complaint(box, there: !machine.box.nil?))
    build_box(machine) if builds_box?(machine)
  end

  def refuse(complaint)
    raise Refused, complaint if complaint
  end

  def say_how(machine, settings)
    return if settings.driver == 'kvm'

    machine.ui.warn('No hardware virtualisation (KVM) for this machine: it is emulated, so everything takes about ten times as long.')
    return unless File.exist?('/dev/kvm') && ENV['LAB_VM_DRIVER'].to_s.empty?

    machine.ui.warn('/dev/kvm is there, but not for this user: sudo usermod -aG kvm $USER, then log in again.')
  end

  def build_box(machine)
    machine.ui.info('There is no box yet: building one with vm/box.ts.')
    Vagrant::Util::Env.with_original_env do
      install_dependencies(machine)
      path = "#{Machine::PROJECT}/node_modules/.bin#{File::PATH_SEPARATOR}#{ENV['PATH']}"
      run('the box could not be built; the lines above say why', { 'PATH' => path }, 'zx', 'vm/box.ts')
    end
  end

  def install_dependencies(machine)
    return if File.exist?("#{Machine::PROJECT}/node_modules/.bin/zx")

    machine.ui.info('First its dependencies: npm ci')
    run('npm ci failed; the lines above say why', {}, 'npm', 'ci')
  end

  def run(complaint, environment, *command)
    system(environment, *command, chdir: Machine::PROJECT) or raise Refused, "#{command.join(' ')}: #{complaint}."
  end
end
