# Finds out who holds the ports that the lab needs on this host, and an offset at which all of them are free.
require 'rbconfig'
require 'socket'
require 'timeout'
require_relative 'machine'

# Plain functions, so that they can be tried without Vagrant.
module Ports
  ADDRESS = '127.0.0.1'.freeze
  SECONDS = 5

  module_function

  # Why the machine cannot have these ports, with an offset at which all are free; nil if it can have them.
  def complaint(settings)
    taken = settings.ports.select { |port| taken?(port.host) }
    return if taken.empty?

    lines = taken.map { |port| "  #{ADDRESS}:#{port.host} (#{port.node}) is taken by #{holder(port.host) || 'a process that you may not see'}" }
    "Ports that the lab needs on this host are taken:\n#{lines.join("\n")}\n#{way_out(settings)}"
  end

  def way_out(settings)
    offset = free_offset(settings) or return "Stop what holds them: no LAB_PORT_OFFSET up to #{Machine.table['maxPortOffset']} has all ports free."
    assignment = windows? ? "$env:LAB_PORT_OFFSET=#{offset}; " : "LAB_PORT_OFFSET=#{offset} "
    "Stop what holds them, or move the whole lab to ports that are free: #{assignment}vagrant up"
  end

  # A multiple of 1000 for LAB_PORT_OFFSET, so that nothing listens on any port of the lab.
  def free_offset(settings)
    (1000..Machine.table['maxPortOffset']).step(1000).find do |offset|
      offset != settings.offset && settings.ports.none? { |port| taken?(port.host - settings.offset + offset) }
    end
  end

  def taken?(port)
    TCPServer.new(ADDRESS, port).close
    # On macOS and Windows a program can listen here although another one listens on all addresses. So try to connect too.
    Socket.tcp(ADDRESS, port, connect_timeout: 1).close
    true
  rescue Errno::EADDRINUSE, Errno::EACCES
    true
  rescue SystemCallError
    false
  end

  # Who listens on a port, as far as this user may see it; nil if unknown. Nothing here may fail.
  def holder(port)
    container(port) || (windows? ? windows_process(port) : linux_process(port) || unix_process(port))
  end

  # One process forwards the ports of all containers, so its name would say nothing.
  def container(port)
    names = ask('docker', 'ps', '--filter', "publish=#{port}", '--format', '{{.Names}}').split
    "the container #{names.join(', ')}" unless names.empty?
  end

  def linux_process(port, said = ask('ss', '-Hltnp', "sport = :#{port}"))
    name, pid = said.match(/users:\(\("([^"]+)",pid=(\d+)/)&.captures
    "#{name} (pid #{pid})" if name
  end

  def unix_process(port, said = ask('lsof', '-nP', "-iTCP:#{port}", '-sTCP:LISTEN', '-Fpc'))
    pid, name = said.match(/^p(\d+)\nc(.+)$/)&.captures
    "#{name} (pid #{pid})" if name
  end

  def windows_process(port, said = ask('netstat', '-ano', '-p', 'TCP'), tasks = nil)
    # The name of the state depends on the language. But a process that listens has a peer without a port.
    pid = said[/^\s*TCP\s+\S+:#{port}\s+\S+:0\s+\S+\s+(\d+)\s*$/, 1] or return
    tasks ||= ask('tasklist', '/FI', "PID eq #{pid}", '/FO', 'CSV', '/NH')
    name = tasks[/^"([^"]+)","#{pid}"/, 1]
    "#{name || 'a process'} (pid #{pid})"
  end

  # What a command prints; nothing if the command is missing, fails before it prints, or takes too long.
  def ask(*command, seconds: SECONDS)
    reader, writer = IO.pipe
    pid = Process.spawn(*command, in: File::NULL, out: writer, err: File::NULL)
    writer.close
    Timeout.timeout(seconds) { reader.read }.encode('UTF-8', invalid: :replace, undef: :replace)
  rescue SystemCallError, Timeout::Error
    ''
  ensure
    reader.close
    writer.close
    forget(pid) if pid
  end

  def forget(pid)
    Process.kill(:KILL, pid)
    Process.wait(pid)
  rescue SystemCallError
    nil
  end

  def windows?
    RbConfig::CONFIG['host_os'].match?(/mswin|mingw|cygwin/)
  end
end
