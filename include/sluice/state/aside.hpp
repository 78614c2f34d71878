#pragma once
// What is of no use any more, or not now, is kept under another name.

#include <string>
#include <string_view>

namespace sluice::state {

// PATH + ENDING, or that with .2, .3 and so on: a name of which nothing is there, nor of a
// database's log of writes beside it. After 99 of them the last is taken again.
[[nodiscard]] std::string free_name(const std::string& path, std::string_view ending);

}  // namespace sluice::state
