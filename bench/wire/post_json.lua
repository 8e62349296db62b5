-- POST of one JSON body of a given size: wrk ... -s post_json.lua URL -- PATH BYTES

function init(args)
   if #args ~= 2 then error("give PATH BYTES after --") end
   local frame = '{"note":""}'
   wrk.method = "POST"
   wrk.path = args[1]
   wrk.headers["Content-Type"] = "application/json"
   wrk.body = '{"note":"' .. string.rep("x", tonumber(args[2]) - #frame) .. '"}'
end
