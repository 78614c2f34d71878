#include "usage_scan.hpp"
#include <sluice/wire/body_tap.hpp>

namespace sluice::wire {

// True: p stands at the first byte of a usage. False: the input is used up.
bool body_tap::find(const char*& p, const char* end)
{
    if (!outermost_only_)
        return finder_.next(p, end);
    while (watch_.next(p, end) == json_watch::hit::member)
        if (watch_.depth() == 1 && watch_.name() == "usage")
            return true;
    return false;
}

void body_tap::feed(std::span<const char> piece)
{
    const char* p = piece.data();
    const char* const end = p + piece.size();
    const char* from = p;
    for (;;) {
        if (!capturing_) {
            if (!find(p, end))
                return;
            if (*p != '{')
                continue;
            from = p;
            usage found;
            if (const char* const behind = scan_usage(p, end, found)) {
                if (found.known && static_cast<std::size_t>(behind - p) <= max_object_bytes)
                    usage_ = found;
                p = behind;
                continue;
            }
            capturing_ = true;
            end_ = {};
        }
        const bool whole = end_.next(p, end);
        const std::string_view bytes(from, static_cast<std::size_t>(p - from));
        if (!whole) {
            if (!spill_)
                spill_ = std::make_unique<std::string>();
            // One byte more than allowed marks the object as too large.
            spill_->append(bytes.substr(0, max_object_bytes + 1 - spill_->size()));
            return;
        }
        if (spill_)
            spill_->append(bytes.substr(0, max_object_bytes + 1 - spill_->size()));
        const std::string_view object = spill_ ? std::string_view(*spill_) : bytes;
        if (object.size() <= max_object_bytes)
            if (const auto found = read_usage(object); found.known)
                usage_ = found;
        spill_.reset();
        capturing_ = false;
    }
}

}  // namespace sluice::wire
