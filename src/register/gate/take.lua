-- Takes a token: this request may try to draw its hold from the tranche.
-- KEYS: the tranche, the ends of its tokens, the holds of its tokens.
-- ARGV: epoch, token, hold in fen, life in ms.
-- Answers 0 (refill first), 1 (taken), 2 (not enough is left).
local tranche, ends, holds = KEYS[1], KEYS[2], KEYS[3]
local known = redis.call('HMGET', tranche, 'e', 'left')
if known[1] ~= ARGV[1] or not known[2] then return 0 end
if redis.call('HEXISTS', holds, ARGV[2]) == 1 then return 1 end
if tonumber(known[2]) < tonumber(ARGV[3]) then return 2 end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HINCRBY', tranche, 'left', '-' .. ARGV[3])
redis.call('ZADD', ends, now + tonumber(ARGV[4]), ARGV[2])
redis.call('HSET', holds, ARGV[2], ARGV[3])
return 1
