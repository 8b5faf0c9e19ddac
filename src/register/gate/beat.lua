-- Leaves in Redis who it was and how far Postgres had come when it was last known to be sound.
-- KEYS: the heartbeat. ARGV: epoch, identity of the server, position in Postgres' log.
-- Answers 1, or 0 where a newer epoch stands there.
local known = redis.call('HMGET', KEYS[1], 'e', 'at')
local before, at = tonumber(known[1] or '0'), ARGV[3]
if before > tonumber(ARGV[1]) then return 0 end
if before == tonumber(ARGV[1]) and tonumber(known[2] or '0') > tonumber(at) then at = known[2] end
redis.call('HSET', KEYS[1], 'e', ARGV[1], 'server', ARGV[2], 'at', at)
return 1
