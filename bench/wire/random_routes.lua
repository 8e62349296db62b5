-- GETs over COUNT routes in random order: wrk ... -s random_routes.lua URL -- PATTERN COUNT
-- PATTERN holds %d where the number from 0 to COUNT-1 goes: '/v1/service-%d/items/42'

local requests = {}

function init(args)
   if #args ~= 2 then error("give PATTERN COUNT after --") end
   for number = 0, tonumber(args[2]) - 1 do
      requests[number + 1] = wrk.format("GET", string.format(args[1], number))
   end
   math.randomseed(1)
end

function request()
   return requests[math.random(#requests)]
end
