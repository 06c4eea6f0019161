# The host's proxy settings, for the machine.
require_relative 'machine'

# Plain functions, so that they can be tried without Vagrant.
module Proxy
  NAMES = %w[http_proxy https_proxy no_proxy].freeze

  module_function

  # Under their lower names, empty where the host has none. What the host's own loopback is for the machine,
  # vm/guest-proxy.sh knows.
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

  # Is there a proxy on this host's loopback, which VirtualBox since 7.0 keeps from machines unless told otherwise?
  def kept_by_virtualbox?(environment = ENV)
    on_loopback?(environment) && Machine.found?('VBoxManage') && `VBoxManage --version`.to_i >= 7
  end

  # Percent encoding says the same in a URL, and then the value can be written into a shell's file as it is.
  def plain(value)
    value.gsub(%r{[^\w.~:/@%,*\[\]-]}) { |character| character.bytes.map { |byte| format('%%%02X', byte) }.join }
  end
end
