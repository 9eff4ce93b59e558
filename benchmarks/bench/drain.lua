-- A script for wrk: after so many seconds it sends nothing more and waits for what is under way, so that what it counts as answered
-- is what the server answered. Arguments: seconds, connections, the file with the request's body, the path.
local ffi = require("ffi")
ffi.cdef [[ typedef struct { long sec; long nsec; } bench_time; int clock_gettime(int, bench_time *); ]]
local at = ffi.new("bench_time")
local threads = {}
local formatted
sent, ends = 0, 0

local function now()
  ffi.C.clock_gettime(1, at)
  return tonumber(at.sec) + tonumber(at.nsec) / 1e9
end

function setup(thread) table.insert(threads, thread) end

function init(args)
  seconds, connections = tonumber(args[1]), tonumber(args[2])
  local file = assert(io.open(args[3], "rb"))
  formatted = wrk.format("POST", args[4], { ["Content-Type"] = "application/json" }, file:read("*a"))
  file:close()
end

function request() return formatted end

-- Asked before each request: how many milliseconds to wait with it.
function delay()
  local time = now()
  if ends == 0 then ends = time + seconds end
  if time >= ends then return 3600000 end
  sent = sent + 1
  return 0
end

function done(summary, latency)
  local all = 0
  for _, thread in ipairs(threads) do all = all + thread:get("sent") end
  local wrong = summary.errors
  io.write(string.format(
    '\n{"answered": %d, "sent": %d, "errors": %d, "refused": %d, "p50": %f, "p99": %f, "p999": %f}\n',
    summary.requests, all, wrong.connect + wrong.read + wrong.write + wrong.timeout, wrong.status,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
