-- An even load: every connection waits MEAN milliseconds, more or less, before it asks.
local mean = tonumber(os.getenv("BENCHMARK_PAUSE") or "16")

wrk.headers["Connection"] = "close"

function delay()
  return math.random(0, 2 * mean)
end
