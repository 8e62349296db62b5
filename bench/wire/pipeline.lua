-- DEPTH GETs in one segment, the answers read in order: wrk ... -s pipeline.lua URL -- PATH DEPTH

local batch

function init(args)
   if #args ~= 2 then error("give PATH DEPTH after --") end
   batch = string.rep(wrk.format("GET", args[1]), tonumber(args[2]))
end

function request()
   return batch
end
