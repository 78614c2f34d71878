#pragma once
// The database of usage: what was written, and answers from it.

#include "sqlite.hpp"
#include "usage_sums.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sluice::state {

// One thread.
class usage_store {
public:
    // `damage`: what was met in the file before, if anything. `complaint`: a corrupt file that was
    // set aside. Throws sqlite_error.
    usage_store(const std::string& path, std::string_view damage, std::string& complaint);

    // All of it or, with sqlite_error, nothing.
    void write(const usage_sums& sums);
    // What was written is in the file itself, and its log of writes is empty. Throws sqlite_error.
    void settle();
    // The file is not there any more: what is written is nobody's.
    [[nodiscard]] bool moved() const noexcept { return database_.moved(); }

private:
    sqlite_database database_;
    sqlite_statement add_;
};

// By a connection of its own. Throws sqlite_error.
[[nodiscard]] usage_answer ask_usage(
    const std::string& path, const usage_question& asked, milliseconds limit);

}  // namespace sluice::state
