#pragma once
// Writes what is in force and could not be written when it came, as while the disk was full: again
// and again, until it can. Tells of it in the log, once, and in sluice_state_unwritten.

#include <sluice/base/clock.hpp>
#include <sluice/observe/exposition.hpp>
#include <sluice/observe/log.hpp>

#include <cstddef>
#include <functional>
#include <string_view>
#include <system_error>
#include <vector>

namespace sluice::server {

// A file of the state directory.
struct late_file {
    std::string_view what;  // a literal
    std::function<bool()> late;
    std::function<std::error_code()> write;
};

// state::kept_file, observe::audit_log; it outlives what is made of it.
template <class File>
[[nodiscard]] late_file late_file_of(std::string_view what, File& file)
{
    return {what, [&file] { return file.late(); }, [&file] { return file.write_late(); }};
}

// One thread, the control thread.
class late_writes {
public:
    // Between two tries, growing from the one to the other.
    static constexpr seconds first_pause{1};
    static constexpr seconds longest_pause{30};

    // Written in this order: a crash in between is to leave what a start makes up for.
    late_writes(
        std::vector<late_file> files, observe::control_values& values, observe::logger& log);

    // Call every second or so.
    void look(time_point now);

    // The end, or the beginning of another process in the same directory: tries now. False: what is
    // still not written is lost with this process, which the log tells.
    [[nodiscard]] bool settle();

private:
    [[nodiscard]] std::size_t count() const;
    [[nodiscard]] std::error_code write_all();

    std::vector<late_file> files_;
    observe::control_values& values_;
    observe::logger& log_;
    bool told_ = false;
    seconds pause_ = first_pause;
    time_point next_{};
};

}  // namespace sluice::server
