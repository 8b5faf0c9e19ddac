-- Writes what the quota row in Postgres says: absolute, so that any order and any number of
-- repetitions come to the same. It also removes the reservation of the request that changed it.
-- KEYS: the person's entry, the reservations of one quota key.
-- ARGV: epoch, quota key, used, version, life in ms, reservation ('' for none).
-- Answers { what, version }: 0 kept, 1 written, 2 a newer version stands there (its number),
-- 3 a newer epoch stands there.
-- Epochs and versions stay below 2^53, which a Lua number holds exactly.
local entry, reservations = KEYS[1], KEYS[2]
local epoch, key, used, version = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

-- Whatever becomes of the numbers, that request has its answer.
if ARGV[6] ~= '' then redis.call('ZREM', reservations, ARGV[6]) end

local known = redis.call('HMGET', entry, 'e', 'u:' .. key, 'v:' .. key)
local before = tonumber(known[1] or '0')
if before > epoch then return { 3, 0 } end
if before < epoch then
    -- Nothing of an older epoch is believed, not of the other quota keys either. The life of an
    -- entry is counted from here and never renewed: it bounds a divergence that nobody noticed.
    redis.call('DEL', entry)
    redis.call('HSET', entry, 'e', ARGV[1])
    redis.call('PEXPIRE', entry, ARGV[5])
elseif known[3] then
    local there = tonumber(known[3])
    if there > version then return { 2, there } end
    -- At one version the count only falls, because slots end by time.
    if there == version and tonumber(known[2]) <= used then return { 0, there } end
end
redis.call('HSET', entry, 'u:' .. key, ARGV[3], 'v:' .. key, ARGV[4])
return { 1, version }
