#pragma once
// Every bill, summed by hour, tenant, key, model, target, arm, outcome and tags, in SQLite. Workers
// hand bills over without a lock, an allocation or a system call; a thread of the ledger's own adds
// them up and writes them down. A full disk, a slow disk or a corrupt file costs no request
// anything: what cannot be written waits in memory, and what does not fit there is counted as lost.

#include <sluice/base/clock.hpp>
#include <sluice/observe/bill.hpp>
#include <sluice/observe/ledger_numbers.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/state/usage.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::state {

// For bill::place.
[[nodiscard]] observe::packed_place pack_place(
    std::string_view model, std::string_view target, std::string_view arm);

class ledger {
public:
    struct settings {
        std::string path;  // of the database; made when it is not there
        // Whether its directory still is this gateway's, asked before a file is opened in it; the
        // ledger's thread. None: it is.
        std::function<bool()> ours{};
        std::size_t workers = 1;
        std::size_t ring_bytes = std::size_t{1} << 20U;  // per worker; a power of two
        milliseconds look_every{25};                     // into the rings, and at empty purses
        milliseconds commit_every{250};     // at most this is lost by a kill -9, with a look
        std::size_t most_waiting = 65'536;  // sums in memory while nothing can be written
    };

    // Opens the database or begins a new one, and starts the thread. Never fails for the disk's
    // sake: it tries again.
    ledger(settings how, observe::logger& log);
    // Writes what is there.
    ~ledger();
    ledger(const ledger&) = delete;
    ledger& operator=(const ledger&) = delete;

    // That worker's thread only. Too many at once are lost, and counted.
    void charge(std::size_t worker, const observe::bill& what) noexcept;

    // Any thread but a worker's: returns once all bills charged before are written, or after
    // `limit`. False: they are not.
    bool flush(milliseconds limit = milliseconds{1000});

    // Any thread but a worker's; may take up to `limit`. What was charged within the last moment
    // may be missing: see flush().
    [[nodiscard]] usage_answer usage(
        const usage_question& asked, milliseconds limit = milliseconds{2000}) const;

    // Any thread.
    [[nodiscard]] observe::ledger_numbers read() const noexcept;

    // While another process goes on with the database. hold(): writes what there is, lets go of the
    // file and keeps what comes; false: something could not be written by `limit`, and nothing is
    // held. Then either resume(), which writes on, or hand_over(): bills go to `heir`, in the
    // packed form that enter() takes, from the ledger's thread and until the end; where it says
    // false, this ledger writes by itself again. Control thread.
    [[nodiscard]] bool hold(milliseconds limit = milliseconds{1000});
    void resume();
    void hand_over(std::function<bool(std::string_view packed)> heir);
    // Bills of another process. False, and nothing is entered: they are not in this form. Any
    // thread but a worker's.
    bool enter(std::string packed);

    // What else runs on the ledger's thread: grants. Any thread; runs in order, soon.
    void post(std::function<void()> job);
    // Called by the thread at every look, from now on until it is replaced; returns when the one
    // before it runs no more. Not from the thread itself.
    void each_look(std::function<void(time_point now)> what);
    // The next look is now. Any thread; a system call at most once a look.
    void hurry() noexcept;

private:
    class parts;
    std::unique_ptr<parts> parts_;
};

}  // namespace sluice::state
