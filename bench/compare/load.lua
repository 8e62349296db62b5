-- wrk script: a fixed request given as METHOD BODY [NAME VALUE]... after "--", and a result for machines.
-- It defines no request(), so that wrk formats the request once and sends the same bytes.

function init(args)
   wrk.method = args[1]
   if args[2] ~= "" then
      wrk.headers["Content-Type"] = "application/json"
      wrk.body = args[2]
   end
   for i = 3, #args, 2 do
      wrk.headers[args[i]] = args[i + 1]
   end
end

function done(summary, latency)
   local errors = summary.errors
   io.write(string.format(
      '{"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"max":%d,' ..
      '"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d}\n',
      summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
      errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
