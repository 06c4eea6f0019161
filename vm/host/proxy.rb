# The host's proxy settings, for the machine.
require_relative 'machine'

# Plain functions, so that they can be tried without Vagrant.
module Proxy
  NAMES = %w[http_proxy https_proxy no_proxy].freeze

  module_function

  # The settings under their lower-case names; empty if the host has none. If one names the host's own loopback,
  # vm/guest/proxy.sh replaces it.
  def settings(environment = ENV)
    NAMES.to_h { |name| [name, plain(Machine.given(environment, name) || Machine.given(environment, name.upcase) || '')] }
  end

  # What must not be printed.
  def secrets(environment = ENV)
    [*settings(environment).values, environment['LAB_MIRROR'].to_s].filter_map { |value| value[%r{://([^/@]*:[^/@]+)@}, 1] }.uniq
  end

  def on_loopback?(environment = ENV)
    settings(environment).values_at('http_proxy', 'https_proxy').any? { |value| value.match?(%r{(\A|://|@)(localhost|127\.|\[::1\])}) }
  end

  # Is there a proxy on this host's loopback? VirtualBox 7.0 and later hides the loopback from machines by default.
  def kept_by_virtualbox?(environment = ENV)
    on_loopback?(environment) && Machine.found?('VBoxManage') && `VBoxManage --version`.to_i >= 7
  end

  # In a URL percent encoding means the same, and the encoded value can be written into a shell's file.
  def plain(value)
    value.gsub(%r{[^\w.~:/@%,*\[\]-]}) { |character| character.bytes.map { |byte| format('%%%02X', byte) }.join }
  end
end
