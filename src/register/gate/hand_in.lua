-- Removes the token of a request that has its outcome. Money that was not drawn is left again;
-- drawn money stays away, and the next refill knows it from Postgres.
-- KEYS: the tranche, the ends of its tokens, the holds of its tokens.
-- ARGV: token, whether its hold was drawn (1) or not (0).
local tranche, ends, holds = KEYS[1], KEYS[2], KEYS[3]
local hold = redis.call('HGET', holds, ARGV[1])
if not hold then return 0 end
redis.call('HDEL', holds, ARGV[1])
redis.call('ZREM', ends, ARGV[1])
if ARGV[2] == '0' and redis.call('HEXISTS', tranche, 'left') == 1 then
    redis.call('HINCRBY', tranche, 'left', hold)
end
return 1
