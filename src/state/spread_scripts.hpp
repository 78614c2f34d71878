#pragma once
// What runs inside Redis for state::redis_spread. KEYS of each: 1 items, a hash by name of "born
// withdrawn version gateway value"; 2 their order, a sorted set; 3 the head, a hash: word, arrival,
// sum; 4 who leads. Numbers are doubles: versions are below 2^50.

#include <string_view>

namespace sluice::state {

// ARGV: 1 gateway, 2 lease in ms, 0 to give it up. Answer: {word, arrival, sum, 1 if it leads}.
// What has been taken out by other hands, eviction included, counts as lost as a whole: gateways
// put it back.
constexpr std::string_view look_script = R"lua(
local at = redis.call('HMGET', KEYS[3], 'word', 'arrival', 'sum')
local count = redis.call('HLEN', KEYS[1])
if count ~= redis.call('ZCARD', KEYS[2]) or (count > 0) ~= (at[1] ~= false) then
    redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
    at = {false, false, false}
end
local who = redis.call('GET', KEYS[4])
local leads = 0
if ARGV[2] == '0' then
    if who == ARGV[1] then redis.call('DEL', KEYS[4]) end
elseif not who or who == ARGV[1] then
    redis.call('SET', KEYS[4], ARGV[1], 'PX', ARGV[2])
    leads = 1
end
return {at[1] or '', at[2] or '0', at[3] or '0', leads}
)lua";

// ARGV: 1 after which arrival, 2 most items, 3 bytes after which it ends. Answer: {word, arrival,
// up to which, name, item, name, item ...}.
constexpr std::string_view read_script = R"lua(
local at = redis.call('HMGET', KEYS[3], 'word', 'arrival')
local found = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ARGV[1], '+inf', 'WITHSCORES',
    'LIMIT', 0, ARGV[2])
local out, bytes, upto = {at[1] or '', at[2] or '0', '0'}, 0, at[2] or '0'
for i = 1, #found, 2 do
    local text = redis.call('HGET', KEYS[1], found[i]) or ''
    bytes = bytes + #found[i] + #text
    if bytes > tonumber(ARGV[3]) and #out > 3 then break end
    out[#out + 1] = found[i]
    out[#out + 1] = text
    upto = found[i + 1]
end
out[3] = upto
return out
)lua";

// ARGV: 1 a word for a new record, then names and items in turn. Answer: {word, arrival, how many
// arrived, then of each 1, or the item that goes before it}.
constexpr std::string_view put_script = R"lua(
local function rank(text)
    local born, gone, version, who = string.match(text, '^(%d+) ([01]) (%d+) (%x+) ')
    return born and {tonumber(born), tonumber(gone), tonumber(version), who}
end
local function above(a, b)
    for i = 1, 4 do
        if a[i] ~= b[i] then return a[i] > b[i] end
    end
    return false
end
local at = redis.call('HMGET', KEYS[3], 'word', 'arrival', 'sum')
local word, arrival, sum = at[1] or ARGV[1], tonumber(at[2] or 0), tonumber(at[3] or 0)
local out, added = {}, 0
for i = 2, #ARGV, 2 do
    local name, mine, answer = ARGV[i], rank(ARGV[i + 1]), 1
    local text = redis.call('HGET', KEYS[1], name)
    local theirs = text and rank(text)
    if not theirs or above(mine, theirs) then
        arrival, added = arrival + 1, added + 1
        redis.call('HSET', KEYS[1], name, ARGV[i + 1])
        redis.call('ZADD', KEYS[2], arrival, name)
        sum = (sum + mine[3] - (theirs and theirs[3] or 0)) % 1125899906842624
    elseif above(theirs, mine) then
        answer = text
    end
    out[#out + 1] = answer
end
arrival = string.format('%.0f', arrival)
redis.call('HSET', KEYS[3], 'word', word, 'arrival', arrival, 'sum', string.format('%.0f', sum))
return {word, arrival, added, unpack(out)}
)lua";

// ARGV: names and versions in turn.
constexpr std::string_view forget_script = R"lua(
local sum = tonumber(redis.call('HGET', KEYS[3], 'sum') or 0)
for i = 1, #ARGV, 2 do
    local text = redis.call('HGET', KEYS[1], ARGV[i])
    if text and string.match(text, '^%d+ [01] (%d+) ') == ARGV[i + 1] then
        redis.call('HDEL', KEYS[1], ARGV[i])
        redis.call('ZREM', KEYS[2], ARGV[i])
        sum = (sum - tonumber(ARGV[i + 1])) % 1125899906842624
    end
end
if redis.call('EXISTS', KEYS[3]) == 1 then
    redis.call('HSET', KEYS[3], 'sum', string.format('%.0f', sum))
end
return 1
)lua";

}  // namespace sluice::state
