-- Sets what is left of a tranche: what Postgres has, minus the tokens in flight.
-- KEYS: the tranche, the ends of its tokens, the holds of its tokens.
-- ARGV: epoch, sequence (the size of the book's log at the read), available in fen, life in ms.
-- Answers { written (0 or 1), left }. A read that is older than the last one is refused.
local tranche, ends, holds = KEYS[1], KEYS[2], KEYS[3]
local epoch, sequence = tonumber(ARGV[1]), tonumber(ARGV[2])
local known = redis.call('HMGET', tranche, 'e', 'seq', 'left')
local before = tonumber(known[1] or '0')
if before > epoch or (before == epoch and tonumber(known[2] or '0') > sequence) then
    return { 0, tonumber(known[3] or '0') }
end

-- A token whose request was abandoned has run out.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, token in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', now)) do
    redis.call('HDEL', holds, token)
    redis.call('ZREM', ends, token)
end
local left = tonumber(ARGV[3])
for _, hold in ipairs(redis.call('HVALS', holds)) do left = left - tonumber(hold) end

redis.call('HSET', tranche, 'e', ARGV[1], 'seq', ARGV[2], 'left', string.format('%.0f', left))
for _, name in ipairs(KEYS) do redis.call('PEXPIRE', name, ARGV[4]) end
return { 1, left }
