# frozen_string_literal: true

# What Sidekiq's own process loads: jobs that do nothing, and jobs that tell when
# they were started.
require "sidekiq"

# The gem redis 4 writes a warning for each job that Sidekiq 6 pushes.
Redis.silence_deprecations = true if Redis.respond_to?(:silence_deprecations=)
Redis.sadd_returns_boolean = false if Redis.respond_to?(:sadd_returns_boolean=)

Sidekiq.logger.level = Logger::WARN
REDIS = { url: ENV.fetch("PEER_REDIS_URL") }.freeze
Sidekiq.configure_server { |config| config.redis = REDIS }
Sidekiq.configure_client { |config| config.redis = REDIS }

def monotonic
  Process.clock_gettime(Process::CLOCK_MONOTONIC)
end

# Counts the jobs of this process and tells the first and the last one's time.
class Tally
  def initialize(jobs)
    @jobs = jobs
    @lock = Mutex.new
    @count = 0
  end

  def start
    @lock.synchronize do
      @first ||= monotonic
      @count += 1
      return unless @count == @jobs
    end
    Sidekiq.redis { |redis| redis.lpush("peer:drained", monotonic - @first) }
  end
end

TALLY = Tally.new(ENV.fetch("PEER_JOBS").to_i)

class Noop
  include Sidekiq::Worker
  sidekiq_options retry: false

  def perform
    TALLY.start
  end
end

class Stamp
  include Sidekiq::Worker
  sidekiq_options retry: false

  def perform(sent)
    waited = monotonic - sent
    Sidekiq.redis { |redis| redis.rpush("peer:waited", waited) }
  end
end
