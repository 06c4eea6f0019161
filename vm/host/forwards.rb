# The forwarded ports of a machine that libvirt runs. Each is an ssh process that forwards into the machine's network.
require 'socket'
require_relative 'ports'

module Forwards
  SECONDS = 60

  module_function

  # Starts these processes again, and waits until the ports are there. It is needed when a machine has gone back to a
  # snapshot: it does not know newer connections, so they would hang. It is also needed if the processes have ended.
  def renew(machine)
    return unless machine.provider_name == :libvirt

    actions = VagrantPlugins::ProviderLibvirt::Action
    again = Vagrant::Action::Builder.new.tap do |builder|
      builder.use actions::ClearForwardedPorts
      builder.use actions::ForwardPorts
    end
    machine.action_raw(:forward_ports_again, again)
    missing = missing_after(SECONDS, hosts_of(machine))
    return if missing.empty?

    machine.ui.warn("After #{SECONDS} s nothing listens on #{missing.join(', ')} of this host; " \
                    "the reason is in #{machine.data_dir.join('logs')}. To try again: vagrant up")
  end

  def hosts_of(machine)
    machine.config.vm.networks.filter_map { |type, options| options[:host] if type == :forwarded_port && options[:id] != 'ssh' }
  end

  def missing_after(seconds, ports)
    deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds
    loop do
      ports = ports.reject { |port| Ports.taken?(port) }
      return ports if ports.empty? || Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline

      sleep 0.1
    end
  end
end
