-- GETs over several paths in turn: wrk ... -s get_mix.lua URL -- /pets /pets/1 /health

local requests, turn = {}, 0

function init(args)
   if #args == 0 then error("give at least one path after --") end
   for index, path in ipairs(args) do
      requests[index] = wrk.format("GET", path)
   end
end

function request()
   turn = turn % #requests + 1
   return requests[turn]
end
