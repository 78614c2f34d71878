#include <sluice/server/late_writes.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

namespace sluice::server {

late_writes::late_writes(
    std::vector<late_file> files, observe::control_values& values, observe::logger& log)
    : files_(std::move(files)),
      values_(values),
      log_(log)
{
}

std::size_t late_writes::count() const
{
    return static_cast<std::size_t>(
        std::ranges::count_if(files_, [](const auto& each) { return each.late(); }));
}

// The first error; the others are tried all the same.
std::error_code late_writes::write_all()
{
    std::error_code first;
    for (const auto& each : files_)
        if (each.late())
            if (const auto ec = each.write(); ec && !first)
                first = ec;
    return first;
}

void late_writes::look(time_point now)
{
    if (!told_ && count() > 0) {
        std::string names;
        for (const auto& each : files_)
            if (each.late())
                names += (names.empty() ? "" : ", ") + std::string(each.what);
        log_.error(
            "changes_unwritten",
            "what is in force is not on the disk: a restart would forget it; writing is tried "
            "again",
            {{"files", std::string_view(names)}});
        told_ = true;
        pause_ = first_pause;
        next_ = now + pause_;
    } else if (told_ && now >= next_) {
        if (write_all()) {
            pause_ = std::min(2 * pause_, longest_pause);
            next_ = now + pause_;
        }
    }
    const auto left = count();
    if (told_ && left == 0) {
        log_.info("changes_written", "what could not be written before is on the disk");
        told_ = false;
    }
    values_.unwritten(left);
}

bool late_writes::settle()
{
    const auto ec = write_all();
    values_.unwritten(count());
    if (ec)
        log_.error(
            "changes_unwritten",
            "a process that begins now does not know what is in force here: " + ec.message(),
            {{"files", std::uint64_t{count()}}});
    else if (std::exchange(told_, false))
        log_.info("changes_written", "what could not be written before is on the disk");
    return !ec;
}

}  // namespace sluice::server
