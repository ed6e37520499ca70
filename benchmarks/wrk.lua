-- Sends the requests of a file, separated by NUL, in turn from a random one on; prints what came back as JSON.
local requests, place = {}, 0
local states = {}

function setup(thread)
  states[#states + 1] = thread
end

function init(args)
  local file = assert(io.open(args[1], 'rb'))
  for each in file:read('*a'):gmatch('[^%z]+') do
    requests[#requests + 1] = each
  end
  file:close()
  place = tonumber(args[2]) % #requests
  refused = 0
  if args[3] == 'count' then
    -- Reading each response costs the client much, so it is done for a load that is refused alone.
    response = function(status)
      if status == 503 or status == 429 then refused = refused + 1 end
    end
  end
end

function request()
  place = place % #requests + 1
  return requests[place]
end

function done(summary, latency)
  local failures, refusals = summary.errors, 0
  for _, thread in ipairs(states) do
    refusals = refusals + thread:get('refused')
  end
  local lost = failures.connect + failures.read + failures.write + failures.timeout
  io.write(string.format(
    'RESULT {"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "p999_ms": %.3f, '
      .. '"refused": %d, "errors": %d, "lost": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    latency:percentile(99.9) / 1000, refusals, failures.status, lost))
end
