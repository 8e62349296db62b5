-- Lease tokens of many limits in one step. The truth of a limit is here and nowhere else.
--
-- KEYS[i]  a limit. Its five ARGV are
--   kind   "bucket": GCRA on this server's clock; the value is the time (us since ORIGIN) at which it is full again
--          "quota":  the value is the number of uses in one window, which the key's name tells
--   a, b   of a bucket us for one token, and its burst; of a quota its limit, and seconds for which to keep the count
--   want   tokens to lease, 0 or more
--   debt   tokens used that nobody leased, where positive; leased and given back unused, where negative
-- Returns for each key: tokens granted, from 0 to want; and us until there is one, 0 where that is not known.

local ORIGIN = 1700000000   -- s of the epoch: keeps times in us exact to 1/64 in a double
local SLACK = 0.001         -- of a token: what rounding may take

local clock = redis.call("TIME")
local now = (tonumber(clock[1]) - ORIGIN) * 1e6 + tonumber(clock[2])

local function bucket(key, interval, burst, want, debt)
  local depth = interval * burst
  local full_at = tonumber(redis.call("GET", key) or now)
  full_at = math.min(math.max(full_at, now), now + depth)   -- a clock set back empties no bucket for longer than this
  full_at = math.min(math.max(full_at + debt * interval, now), now + depth)
  local there = math.floor((depth - (full_at - now)) / interval + SLACK)
  local granted = math.min(want, there)
  full_at = full_at + granted * interval
  if granted > 0 or debt ~= 0 then
    redis.call("SET", key, string.format("%.3f", full_at), "PX", string.format("%.0f", (full_at - now) / 1000 + 1000))
  end
  return granted, math.ceil(math.max(full_at + interval - depth - now, 0))
end

local function quota(key, limit, keep, want, debt)
  local used = math.max(tonumber(redis.call("GET", key) or 0) + debt, 0)
  local granted = math.max(math.min(want, limit - used), 0)
  if granted > 0 or debt ~= 0 then
    redis.call("SET", key, string.format("%.0f", used + granted), "EX", string.format("%.0f", keep))
  end
  return granted, 0
end

local answer = {}
for i, key in ipairs(KEYS) do
  local kind, a, b, want, debt = unpack(ARGV, 5 * i - 4, 5 * i)
  local lend = kind == "bucket" and bucket or quota
  answer[2 * i - 1], answer[2 * i] = lend(key, tonumber(a), tonumber(b), tonumber(want), tonumber(debt))
end
return answer
