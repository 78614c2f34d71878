#pragma once
// Finds the usage of an answer that is relayed as it comes, without keeping the answer.

#include <sluice/wire/endpoint.hpp>
#include <sluice/wire/json_watch.hpp>
#include <sluice/wire/key_finder.hpp>
#include <sluice/wire/usage.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace sluice::wire {

// Takes a JSON body in pieces cut anywhere. Looks for members named "usage" wherever they stand:
// their quotes would be escaped inside a string, so text that mentions them cannot be taken for
// one. A response tells its request back, a tool's parameters above all, which may have members of
// that name: there only the outermost object's counts. The last one with token counts wins. A usage
// object of more than 4 KiB is ignored. Allocates only for an object that is cut by the end of a
// piece.
class body_tap {
public:
    static constexpr std::size_t max_object_bytes = 4 * 1024;

    explicit body_tap(endpoint where) noexcept
        : outermost_only_(where == endpoint::responses)
    {
    }

    void feed(std::span<const char> piece);
    void feed(std::string_view piece) { feed(std::span(piece)); }

    [[nodiscard]] const usage& tokens() const noexcept { return usage_; }

private:
    [[nodiscard]] bool find(const char*& p, const char* end);

    key_finder finder_{"usage"};
    json_watch watch_;
    bool outermost_only_;
    object_end end_;
    bool capturing_ = false;
    std::unique_ptr<std::string> spill_;
    usage usage_;
};

}  // namespace sluice::wire
