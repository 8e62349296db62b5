-- wrk script: a GET with the next line of a file as Authorization, over and over; the file is named after "--".
-- An empty file: without the field. The result is for machines, as that of bench/compare/load.lua.

local requests, at = {}, 0

function init(args)
   for line in io.lines(args[1]) do
      requests[#requests + 1] = wrk.format("GET", nil, {Authorization = line, Host = wrk.host .. ":" .. wrk.port})
   end
   if #requests == 0 then
      requests[1] = wrk.format("GET")
   end
end

function request()
   at = at % #requests + 1
   return requests[at]
end

function done(summary, latency)
   local errors = summary.errors
   io.write(string.format(
      '{"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"max":%d,' ..
      '"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d}\n',
      summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
      errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
