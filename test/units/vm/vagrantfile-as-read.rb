# Reads the Vagrantfile without Vagrant, and prints all that it asks for as JSON: [where, arguments, options].
require 'json'

# Takes every call and assignment, and gives what is called for or configured in a block a name below its own.
class Asked < BasicObject
  ALL = []

  def initialize(where)
    @where = where
  end

  def method_missing(name, *arguments, **options, &block)
    where = [@where, name.to_s.delete_suffix('=')].compact.join('.')
    ALL << [where, arguments, options] unless arguments.empty? && options.empty?
    inside = [where, *arguments.grep(::Symbol)].join('.')
    block.call(*[::Asked.new(inside), ::Asked.new("#{inside}.override")].first(block.arity)) if block && name != :ruby
    ::Asked.new(where)
  end

  def respond_to_missing?(*)
    true
  end
end

module Vagrant
  module Errors
    VagrantError = Class.new(StandardError)
  end

  def self.has_plugin?(_name)
    true
  end

  def self.configure(_version)
    yield Asked.new(nil)
  end
end

load File.join(__dir__, '../../../Vagrantfile')
puts JSON.generate(Asked::ALL)
