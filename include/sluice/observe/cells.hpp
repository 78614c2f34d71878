#pragma once
// What one worker counts. The worker alone writes, with plain instructions; a scraper reads at any
// time. Cells never move: new ids get new blocks.

#include <sluice/observe/bounds.hpp>
#include <sluice/observe/catalogue.hpp>
#include <sluice/observe/cell.hpp>
#include <sluice/observe/outcome.hpp>
#include <sluice/observe/spending.hpp>
#include <sluice/policy/reconcile.hpp>
#include <sluice/policy/time_buckets.hpp>

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace sluice::observe {

// An array of counters indexed by one of the enums of outcome.hpp.
template <class Enum, std::size_t N>
struct counters_by {
    std::array<counter, N> cells;
    counter& operator[](Enum which) noexcept { return cells[static_cast<std::size_t>(which)]; }
    const counter& operator[](Enum which) const noexcept
    {
        return cells[static_cast<std::size_t>(which)];
    }
};

// Times in policy's fine buckets, for a rollout's guards.
class fine_times {
public:
    void observe(nanoseconds took) noexcept { buckets_[policy::time_bucket_of(took)].add(); }

    // Adds what it holds.
    void read(policy::time_counts& into) const noexcept
    {
        for (std::size_t i = 0; i < buckets_.size(); ++i)
            into.counts[i] += buckets_[i].read();
    }

private:
    std::array<counter, policy::time_buckets> buckets_;
};

// One (model, target); about 3.4 KiB.
struct arm_cells {
    // Once per request, when it is recorded; `stream` is what the client asked for.
    void request(unsigned status, bool stream, nanoseconds took) noexcept
    {
        requests[stream ? 1 : 0][status_bucket(status)].add();
        duration.observe(took);
    }

    std::array<std::array<counter, status_buckets>, 2> requests;  // [stream][status_bucket]
    histogram<bounds::duration> duration;                         // whole request
    histogram<bounds::first_token> first_token;
    histogram<bounds::per_token> per_token;  // mean of one stream, after its first token
    counters_by<attempt_outcome, attempt_outcome_labels.size()> attempts;
    counter attempts_begun;  // save those that repeat one on a fresh connection
    // Of attempts, from their own beginning: whole successful answers, and first tokens.
    fine_times answer_times;
    fine_times token_times;
    counters_by<stream_end, stream_end_labels.size()> stream_ends;
    counters_by<token_kind, token_kind_labels.size()> tokens;
    counter usage_unknown;   // answers whose provider told no usage, or only before their end
    counter cost_estimated;  // nano-dollars of answers whose provider told no usage
    counter price_unknown;   // answers at a target without a price
    // For a rollout's guards: answers whose price and usage are known, and in nano-dollars.
    counter priced_tokens;
    counter priced_cost;
    std::array<counter, policy::discrepancy_count> discrepancies;  // by policy::discrepancy
    counters_by<hedge_outcome, hedge_outcome_labels.size()> hedges;
    counter hedge_cost;  // nano-dollars, of what a hedge's loser cost
    gauge in_flight;     // attempts that have begun and not ended
};

// Of one kind of what is set aside: tokens, nano-dollars.
struct reservation_cells : counters_by<reservation, reservation_labels.size()> {
    void ended(std::uint64_t held, std::uint64_t used) noexcept
    {
        (*this)[reservation::reserved].add(held);
        if (used < held)
            (*this)[reservation::refunded].add(held - used);
        else if (used > held)
            (*this)[reservation::exceeded].add(used - held);
    }
};

struct key_cells {
    counter requests;  // admitted or not
    counters_by<limit_reason, limit_reason_labels.size()> limited;
    counters_by<limit_reason, limit_reason_labels.size()> shadow_limited;  // let through
    reservation_cells tokens;  // of requests under a limit of tokens
    reservation_cells money;   // of requests under a budget, in nano-dollars
};

// One fallback of one model.
struct fallback_cells {
    counters_by<fallback_cause, fallback_cause_labels.size()> taken;
};

struct provider_cells {
    gauge idle;  // connections in this worker's pool
    gauge busy;
    counter connects;        // connections opened, successful or not
    counter limited;         // attempts held back by the limits of its keys
    counter limited_shadow;  // that would have been
};

// Blocks of 16, 32, 64 ... cells, published one by one.
template <class Cells>
class cell_blocks {
public:
    static constexpr std::size_t first_block = 16;

    // The owner. Makes ids 0 to count - 1 usable.
    void ensure(std::size_t count)
    {
        for (std::size_t block = 0; count_ < count && block < owned_.size(); ++block) {
            if (owned_[block])
                continue;
            owned_[block] = std::make_unique<Cells[]>(first_block << block);
            shared_[block].store(owned_[block].get(), std::memory_order_release);
            count_ += first_block << block;
        }
    }

    // The owner. An id that is not usable yet gives the cells of `other`.
    [[nodiscard]] Cells& operator[](std::size_t id) noexcept
    {
        const std::size_t at = (id < count_ ? id : other_id) + first_block;
        const auto block = static_cast<std::size_t>(std::bit_width(at)) - 5;
        return owned_[block][at - (first_block << block)];
    }

    // Any thread. nullptr: this worker has not got so far.
    [[nodiscard]] const Cells* find(std::size_t id) const noexcept
    {
        const std::size_t at = id + first_block;
        const auto block = static_cast<std::size_t>(std::bit_width(at)) - 5;
        if (block >= shared_.size())
            return nullptr;
        const Cells* cells = shared_[block].load(std::memory_order_acquire);
        return cells ? cells + (at - (first_block << block)) : nullptr;
    }

private:
    static constexpr std::size_t blocks = 13;
    static_assert(first_block * ((std::size_t{1} << blocks) - 1) >= max_ids);

    std::size_t count_ = 0;  // the owner's
    std::array<std::unique_ptr<Cells[]>, blocks> owned_;
    std::array<std::atomic<Cells*>, blocks> shared_{};
};

class alignas(64) worker_cells {
public:
    worker_cells() { ensure({}); }
    worker_cells(const worker_cells&) = delete;
    worker_cells& operator=(const worker_cells&) = delete;

    // The worker, when it installs a snapshot; `known` is catalogue::size() at the time it was
    // built.
    void ensure(const catalogue::counts& known)
    {
        arms_.ensure(known.arms);
        keys_.ensure(known.keys);
        providers_.ensure(known.providers);
        fallbacks_.ensure(known.fallbacks);
    }
    void ensure(std::size_t arms, std::size_t keys, std::size_t providers)
    {
        ensure({.arms = arms, .keys = keys, .providers = providers, .fallbacks = 1});
    }

    // The worker.
    [[nodiscard]] arm_cells& arm(std::size_t id) noexcept { return arms_[id]; }
    [[nodiscard]] key_cells& key(std::size_t id) noexcept { return keys_[id]; }
    [[nodiscard]] provider_cells& provider(std::size_t id) noexcept { return providers_[id]; }

    [[nodiscard]] fallback_cells& fallback(std::size_t id) noexcept { return fallbacks_[id]; }

    // Any thread; nullptr where this worker has nothing yet.
    [[nodiscard]] const arm_cells* find_arm(std::size_t id) const noexcept
    {
        return arms_.find(id);
    }
    [[nodiscard]] const key_cells* find_key(std::size_t id) const noexcept
    {
        return keys_.find(id);
    }
    [[nodiscard]] const provider_cells* find_provider(std::size_t id) const noexcept
    {
        return providers_.find(id);
    }

    [[nodiscard]] const fallback_cells* find_fallback(std::size_t id) const noexcept
    {
        return fallbacks_.find(id);
    }

    void overhead_took(phase where, nanoseconds took) noexcept
    {
        overhead[static_cast<std::size_t>(where)].observe(took);
    }

    std::array<histogram<bounds::overhead>, phase_labels.size()> overhead;
    histogram<bounds::queue> queue;   // waits for a limiter, of those that had to wait
    histogram<bounds::lag> loop_lag;  // how late the worker's tick came
    gauge client_connections;
    gauge in_flight_requests;
    gauge open_streams;
    gauge buffered_bytes;
    counter accept_errors;
    counter client_tls_failures;
    counter handed_over;  // accepted connections given to another worker
    counter redactions;   // provider keys taken out of upstream error bodies
    spending spent;       // what answers cost, by arm and key

private:
    cell_blocks<arm_cells> arms_;
    cell_blocks<key_cells> keys_;
    cell_blocks<provider_cells> providers_;
    cell_blocks<fallback_cells> fallbacks_;
};

}  // namespace sluice::observe
