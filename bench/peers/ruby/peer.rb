# frozen_string_literal: true

# One run of Sidekiq: prints one line of JSON. The environment holds PEER_JOBS
# waiting jobs to drain, PEER_SINGLES jobs enqueued one at a time, PEER_LATENCIES
# jobs sent one each 5 ms, and PEER_REDIS_URL.
require "json"
require_relative "worker"

CONCURRENCY = Integer(ENV.fetch("PEER_CONCURRENCY", "5"))
BULK = 1_000
WARM_UP = 50

def rate(count)
  begun = monotonic
  yield
  count / (monotonic - begun)
end

def pop(key)
  Sidekiq.redis { |redis| redis.blpop(key, timeout: 60) }&.last&.to_f || abort("Sidekiq did not answer")
end

jobs, singles, latencies = %w[PEER_JOBS PEER_SINGLES PEER_LATENCIES].map { |name| ENV.fetch(name).to_i }
report = { peer: "Sidekiq", version: Sidekiq::VERSION, configuration: "concurrency #{CONCURRENCY}, Ruby #{RUBY_VERSION}" }

report[:one_at_a_time] = rate(singles) { singles.times { Noop.perform_async } }
Sidekiq.redis(&:flushdb)
report[:bulk] = rate(jobs) do
  (0...jobs).step(BULK) do |first|
    Sidekiq::Client.push_bulk("class" => Noop, "args" => Array.new([BULK, jobs - first].min) { [] })
  end
end

sidekiq = Gem.bin_path("sidekiq", "sidekiq")
command = [Gem.ruby, sidekiq, "--require", File.join(__dir__, "worker.rb"), "--concurrency", CONCURRENCY.to_s, "--timeout", "1"]
worker = spawn(*command, out: File::NULL, err: $stderr)
begin
  report[:drain] = jobs / pop("peer:drained")

  (WARM_UP + latencies).times do
    Stamp.perform_async(monotonic)
    sleep 0.005
  end
  waited = Array.new(WARM_UP + latencies) { pop("peer:waited") * 1_000 }.drop(WARM_UP).sort
  report[:p50_ms], report[:p99_ms] = waited[latencies / 2], waited[latencies * 99 / 100]
ensure
  Process.kill("TERM", worker)
  Process.wait(worker)
end
puts JSON.generate(report)
