#pragma once
// `sluice ctl usage`, `ctl budgets` and `ctl topup`: the questions, and their answers for people.

#include "admin_client.hpp"

#include <simdjson.h>

#include <string>
#include <vector>

namespace sluice {

struct usage_options {
    std::string by = "day";
    std::string since;  // may be empty, as is until
    std::string until;
    std::vector<std::string> only;  // "key=team-search", "tag=feature=search"
    bool csv = false;
};

[[nodiscard]] ctl_result<admin_ask> usage_ask(const usage_options& options);

// `usd`: "5" or "2.50".
[[nodiscard]] ctl_result<admin_ask> top_up_ask(
    const std::string& budget, const std::string& usd, const std::string& operation);

// GET budgets, or one of them.
[[nodiscard]] std::string budgets_text(simdjson::dom::element answer);

// A table, with the notes below it; or CSV, which has no room for any.
[[nodiscard]] std::string usage_text(const usage_options& options, simdjson::dom::element answer);

// What is missing in it, a line each; empty: nothing.
[[nodiscard]] std::string usage_notes(simdjson::dom::element answer);

}  // namespace sluice
