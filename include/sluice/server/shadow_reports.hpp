#pragma once
// What shadows have shown, per model. Control thread.

#include <sluice/config/snapshot.hpp>
#include <sluice/proxy/shadow_pair.hpp>
#include <sluice/server/comparison.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::server {

class json_writer;

class shadow_reports {
public:
    // The most distant pairs of a model are listed, of the last day.
    static constexpr std::size_t most_listed = 20;
    static constexpr seconds listed_for{86'400};
    // Of each text and each call that is kept where `capture` is on.
    static constexpr std::size_t most_text_bytes = 4096;

    // Compares, counts, and lists it if it is among the worst.
    void add(const proxy::shadow_pair& pair);

    // Lets go of pairs that are older than listed_for, and of the texts of models that capture none
    // any more. Call now and then.
    void forget(const config::snapshot& config, nanoseconds system_now);

    // The members of GET /admin/v1/models/{m}/shadow; `system_now` since the Unix epoch.
    void write(
        json_writer& out,
        const config::snapshot& config,
        const config::model& model,
        nanoseconds system_now) const;

private:
    struct words {
        std::string text;
        std::vector<wire::tool_call> calls;
    };
    struct side {
        std::string target;
        unsigned status = 0;
        std::string error;
        std::optional<nanoseconds> first_token;
        nanoseconds duration{0};
        wire::usage usage;
        std::optional<std::int64_t> cost;
        std::string finish;
        std::optional<words> captured;
    };
    struct listed {
        std::string request_id;
        nanoseconds system_time{0};
        observe::shadow_outcome outcome = observe::shadow_outcome::compared;
        comparison found;  // without what was said
        side primary;
        side shadow;
    };

    [[nodiscard]] static side summary_of(
        const proxy::shadow_side& of, const wire::said& said, bool capture);
    static void count(const comparison& found, observe::shadow_numbers& into) noexcept;
    void list(const proxy::shadow_pair& pair, listed one);
    static void take_texts(std::vector<listed>& from) noexcept;
    static void write_summary(json_writer& out, const observe::shadow_numbers& numbers);
    static void write_listed(json_writer& out, const listed& one, bool texts);
    static void write_side(json_writer& out, const side& one, bool texts);

    std::map<std::string, std::vector<listed>, std::less<>> worst_;  // by model, worst first
};

}  // namespace sluice::server
