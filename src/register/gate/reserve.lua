-- Sets a place aside for one request of one person, if the cap leaves one.
-- KEYS: the person's entry, the reservations of one quota key.
-- ARGV: epoch, quota key, reservation, cap, life in ms.
-- Answers 0 (load the entry first), 1 (admitted), 2 (full).
local entry, reservations = KEYS[1], KEYS[2]
local epoch, key, reservation = ARGV[1], ARGV[2], ARGV[3]
local cap, life = tonumber(ARGV[4]), tonumber(ARGV[5])

local known = redis.call('HMGET', entry, 'e', 'u:' .. key)
if known[1] ~= epoch or not known[2] then return 0 end

-- The server's own clock alone: a sandbox moves the business clock, never this one.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', reservations, '-inf', now)
-- The same request asks again (its answer was lost): it already has its place.
if redis.call('ZSCORE', reservations, reservation) then return 1 end
if tonumber(known[2]) + redis.call('ZCARD', reservations) >= cap then return 2 end

redis.call('ZADD', reservations, now + life, reservation)
redis.call('PEXPIRE', reservations, life)
return 1
