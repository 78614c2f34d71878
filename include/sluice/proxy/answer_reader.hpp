#pragma once
// The head of a provider's answer, whenever it comes: while the request is still being sent, too.

#include <sluice/base/errc.hpp>
#include <sluice/http/scanner.hpp>
#include <sluice/net/event.hpp>
#include <sluice/net/task.hpp>

#include <optional>
#include <string_view>

namespace sluice::proxy {

class attempt;
struct services;

// Fills the attempt's head, response and rest. 1xx are dropped, a few of them (RFC 9110 15.2).
// Lives for one sending of the request; on the worker's thread.
class answer_reader {
public:
    answer_reader(services& with, attempt& one) noexcept;

    // Takes what is there already. True: it is the answer, or there will be none. Not to be asked
    // again then.
    [[nodiscard]] bool came_early();
    // After it came early: no refusal, so the provider may well read the rest of the request.
    [[nodiscard]] bool has_begun_well() const noexcept;

    // Until a final answer's head is here. `stop`: errc::client_closed_request.
    net::task<result<void>> wait(time_point until, net::interrupter& stop);

    // Whether the provider said anything at all.
    [[nodiscard]] bool heard() const noexcept { return heard_; }

private:
    // All that is there. True: a final answer's head is here; false: more has to come.
    [[nodiscard]] result<bool> take();
    [[nodiscard]] result<bool> understand();
    [[nodiscard]] errc invalid(std::string_view why);

    services& with_;
    attempt& one_;
    http::head_scanner scanner_;
    unsigned interim_ = 0;
    bool heard_ = false;
    std::optional<result<void>> known_;  // since before it was waited for
};

}  // namespace sluice::proxy
