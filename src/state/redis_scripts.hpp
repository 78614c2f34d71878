#pragma once
// What runs inside Redis. Amounts are nano-dollars as doubles: exact up to nine million dollars.

#include <string_view>

namespace sluice::state {

// A gateway's claim on one budget in one period.
//
// KEYS[1], a hash: s the sum of all gateways' claims; f and d the same as the gateways know it: the
// greatest sum that one saw before the record was lost, and what came on top; t what was topped up;
// o by which operations (operations.hpp); e a word that a lost record has not; b when it was made,
// in ms; n how many gateways have spoken, g how many there are; l whether one has known another
// record or held something before this one; c:ID what ID holds; q:ID the number of ID's last
// question.
//
// ARGV: 1 ID, 2 number of the question, 3 "1": 4 lowers nothing, 4 what ID holds, 5 wanted, 6
// owed, 7 limit, 8 topped up as ID knows, 9 topped up now, 10 the word ID saw, 11 the sum ID saw,
// 12 a word for a new record, 13 life of the record in ms, 14 gateways as ID knows, 15 ms after
// which one that does not speak is gone, 16 what ID holds more than when it saw that sum, 17 what
// it would still grant itself without Redis, 18 the operation of 9, 19 characters kept of those.
//
// A new record cannot know of those who have not spoken. Until all have, or are gone, each gets its
// part of the limit at most; of one that took the place of a lost record what ARGV[17] says.
//
// Answer: {-1, last number} for a question that came too late, else {granted, sum, topped up, held
// beyond what ID said, word, 1 if a lost record is still incomplete, what became of 9: 0 nothing, 1
// booked, 2 was booked before, 3 was with another amount}.
constexpr std::string_view change_script = R"lua(
local key, id = KEYS[1], ARGV[1]
local function arg(i) return tonumber(ARGV[i]) end
local function text(n) return string.format('%.0f', n) end
local had = redis.call('HMGET', key, 's', 'f', 'd', 't', 'e', 'b', 'n', 'g', 'l', 'c:' .. id, 'q:' .. id, 'o')
local function was(i) return tonumber(had[i] or 0) end
local last = was(11)
if arg(2) <= last then return {-1, last} end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local sum, seen, added, topped, word = was(1), was(2), was(3), was(4), had[5] or ARGV[12]
local born, spoken, lost, held = tonumber(had[6] or now), was(7), was(9), was(10)
local there = math.max(was(8), arg(14), 1)
topped = math.max(topped, arg(8))
local done, became = had[12] or '', 0
if arg(9) > 0 then
    local line = '\n' .. ARGV[18] .. ' '
    local _, at = string.find(done, line, 1, true)
    if at then
        became = string.match(done, '^%d+', at + 1) == ARGV[9] and 2 or 3
    else
        became = 1
        topped = topped + arg(9)
        done = string.sub(done .. line .. ARGV[9], -arg(19))
    end
end
local claim, more = arg(4), 0
if ARGV[3] == '1' and held > claim then
    more = held - claim
    claim = held
end
sum = sum + claim - held
if had[10] then
    added = added + claim - held
else
    spoken = spoken + 1
    if ARGV[10] ~= '' and ARGV[10] ~= word then
        lost = 1
        seen = math.max(seen, arg(11))
        added = added + arg(16)
    elseif claim > 0 then
        lost = 1
    end
end
local limit = arg(7) + topped
local waits = spoken < there and math.abs(now - born) < arg(15)
local granted = math.min(arg(5), limit - math.max(sum, seen + added))
if waits then
    local part = lost == 1 and arg(17) or math.floor(limit / (2 * there)) - claim
    granted = math.min(granted, part)
end
granted = math.max(granted, 0)
local now_more = granted + arg(6)
sum, added, claim = sum + now_more, added + now_more, claim + now_more
redis.call('HSET', key, 's', text(sum), 'f', text(seen), 'd', text(added), 't', text(topped),
    'e', word, 'b', text(born), 'n', spoken, 'g', there, 'l', lost,
    'c:' .. id, text(claim), 'q:' .. id, ARGV[2])
if became == 1 then redis.call('HSET', key, 'o', done) end
redis.call('PEXPIRE', key, ARGV[13])
return {granted, math.max(sum, seen + added), topped, more, word, waits and lost or 0, became}
)lua";

// A gateway's part of one limit, in ARGV[4]-ths.
//
// KEYS[1], a hash: ID -> "demand part seconds-when-told". ARGV: 1 ID, 2 how much of the limit it
// could use, below 0: none any more, 3 seconds after which a gateway is gone, 4 what the whole is,
// 5 what it has in use and cannot let go of. Answer: the part. Who wants less than an even part
// gets what it wants, the others share the rest; nobody gets what others still have.
constexpr std::string_view share_script = R"lua(
local key, id = KEYS[1], ARGV[1]
local demand, gone, whole = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if demand < 0 then
    redis.call('HDEL', key, id)
    return 0
end
local now = tonumber(redis.call('TIME')[1])
local all = redis.call('HGETALL', key)
local wishes, taken = {{demand, id}}, 0
for i = 1, #all, 2 do
    local wants, has, told = string.match(all[i + 1], '^(%d+) (%d+) (%d+)$')
    if all[i] ~= id then
        if not told or math.abs(now - tonumber(told)) > gone then
            redis.call('HDEL', key, all[i])
        else
            wishes[#wishes + 1] = {tonumber(wants), all[i]}
            taken = taken + tonumber(has)
        end
    end
end
table.sort(wishes, function(a, b) return a[1] < b[1] or (a[1] == b[1] and a[2] < b[2]) end)
local left, count, mine = whole, #wishes, 0
for i, wish in ipairs(wishes) do
    local given = math.min(wish[1], math.floor(left / (count - i + 1)))
    left = left - given
    if wish[2] == id then mine = given end
end
local part = math.max(0, math.min(mine + math.floor(left / count), whole - taken))
local has = math.max(part, tonumber(ARGV[5]))
redis.call('HSET', key, id, string.format('%d %d %d', demand, has, now))
redis.call('EXPIRE', key, 4 * gone)
return part
)lua";

// How many gateways are there. One that spoke in the future spoke before the clock was set back.
// KEYS: 1 a sorted set of their IDs by when they last said so, 2 a word that a Redis which lost
// everything has not, 3 the process that last spoke as this one. ARGV: 1 ID, 2 seconds after which
// one is gone, 3 a new word, 4 this process. Answer: {number, word, 1 if another process spoke as
// this gateway since this one did}.
constexpr std::string_view present_script = R"lua(
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]) - 1)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '(' .. now, '+inf')
redis.call('EXPIRE', KEYS[1], 3600)
local word = redis.call('GET', KEYS[2]) or ARGV[3]
redis.call('SET', KEYS[2], word, 'EX', 3600)
local before = redis.call('GET', KEYS[3]) or ARGV[4]
redis.call('SET', KEYS[3], ARGV[4], 'EX', 60)
return {redis.call('ZCARD', KEYS[1]), word, before == ARGV[4] and 0 or 1}
)lua";

}  // namespace sluice::state
