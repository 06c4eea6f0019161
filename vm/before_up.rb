# What the Vagrantfile looks at before a machine is started: that the host can, that its ports are free, that there is
# a box, which is built where there is none.
require 'rbconfig'
require_relative 'machine'

module BeforeUp
  ROOT = File.expand_path('..', __dir__)

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

  # Where Vagrant has no provider at all, it would say so in words that help nobody.
  def need_provider
    return if Vagrant.has_plugin?('vagrant-libvirt') || found?('VBoxManage') || !RbConfig::CONFIG['host_os'].include?('linux')

    abort "Vagrantfile: there is neither libvirt nor VirtualBox for Vagrant here. For libvirt:\n  #{Machine.install_line}"
  end

  def check(machine, settings)
    return if machine.state.id == :running

    free_ports(settings)
    return unless machine.provider_name == :libvirt

    say_how(machine, settings)
    build_box(machine) if machine.box.nil? && settings.own_box && !File.exist?(settings.box_file)
  end

  # vagrant-libvirt forwards ports with ssh in the background, and does not notice when one is taken.
  def free_ports(settings)
    taken = Machine.taken(settings.ports)
    return if taken.empty?

    list = taken.map { |port| "127.0.0.1:#{port.host} (#{port.node})" }.join(', ')
    raise Refused, "Something on this host already listens on #{list}.\n" \
                   'Stop it, or move all ports of the lab: LAB_PORT_OFFSET=1000 vagrant up'
  end

  def say_how(machine, settings)
    return if settings.driver == 'kvm'

    machine.ui.warn('No hardware virtualisation (KVM) for this machine: it is emulated, and everything takes about ten times as long.')
    return unless File.exist?('/dev/kvm') && ENV['LAB_VM_DRIVER'].to_s.empty?

    machine.ui.warn('/dev/kvm is there, but not for this user: sudo usermod -aG kvm $USER, then log in again.')
  end

  def build_box(machine)
    machine.ui.info('There is no box yet: building one with vm/box.ts.')
    Vagrant::Util::Env.with_original_env do
      install_dependencies(machine)
      path = "#{ROOT}/node_modules/.bin#{File::PATH_SEPARATOR}#{ENV['PATH']}"
      run('the box could not be built; the lines above say why', { 'PATH' => path }, 'zx', 'vm/box.ts')
    end
  end

  def install_dependencies(machine)
    return if File.exist?("#{ROOT}/node_modules/.bin/zx")

    raise Refused, "Building the box needs npm:\n  sudo apt-get install -y --no-install-recommends npm" unless found?('npm')

    machine.ui.info('First its dependencies: npm ci')
    run('npm ci failed; the lines above say why', {}, 'npm', 'ci')
  end

  def run(complaint, environment, *command)
    system(environment, *command, chdir: ROOT) or raise Refused, "#{command.join(' ')}: #{complaint}."
  end

  def found?(command)
    ENV['PATH'].split(File::PATH_SEPARATOR).any? { |folder| File.executable?(File.join(folder, command)) }
  end
end
