#pragma once
// A machine that has what a test says, and a file that is complete except for what a test adds.

#include <sluice/config/build.hpp>

#include <map>
#include <string>
#include <string_view>

namespace sluice::config::fake {

struct machine {
    std::map<std::string, std::string> variables;
    std::map<std::string, std::string> files;
    std::map<std::string, std::string> faults{};  // by path

    [[nodiscard]] config::environment environment() const
    {
        config::environment fake;
        fake.variable = [variables = variables](const std::string& name) {
            const auto found = variables.find(name);
            return found == variables.end() ? std::nullopt : std::optional(found->second);
        };
        fake.file = [files = files](const std::string& path) {
            const auto found = files.find(path);
            return found == files.end() ? std::nullopt : std::optional(found->second);
        };
        fake.certificate_fault = [faults = faults](const std::string& path) {
            const auto found = faults.find(path);
            return found == faults.end() ? std::string() : found->second;
        };
        fake.append_fault = fake.certificate_fault;
        fake.authorities_fault = fake.certificate_fault;
        fake.private_key_fault =
            [of = fake.certificate_fault](const std::string& path, const std::string& certificate) {
                return of(path).empty() ? of(path + " for " + certificate) : of(path);
            };
        fake.cores = 3;
        return fake;
    }
};

// A compiled time zone (RFC 8536) that is always nine hours ahead.
[[nodiscard]] inline std::string zone_file()
{
    const std::string counts(15 + 3 * 4 + 4, '\0');
    const std::string one_type = std::string("\0\0\0\1", 4) + std::string("\0\0\0\4", 4);
    const std::string type = std::string("\0\0\x7e\x90\0\0", 6) + std::string("JST\0", 4);
    const auto block = "TZif2" + counts + one_type + type;
    return block + block + "\nJST-9\n";
}

inline const std::string providers = "providers: {p: {base_url: \"http://127.0.0.1:1/v1\"}}\n";
inline const std::string models = "models: {m: {targets: [{provider: p}]}}\n";

[[nodiscard]] inline load_result load_text(std::string_view text, const machine& machine = {})
{
    return load(text, "f.yaml", machine.environment());
}

// With the provider p and the model m.
[[nodiscard]] inline load_result load_with(const std::string& more, const machine& machine = {})
{
    return load_text(more + providers + models, machine);
}

// All complaints, a line each.
[[nodiscard]] inline std::string lines(const load_result& result)
{
    std::string all;
    for (const auto& complaint : result.complaints)
        all += to_string(complaint) + '\n';
    return all;
}

[[nodiscard]] inline bool contains(std::string_view text, std::string_view part)
{
    return text.find(part) != std::string_view::npos;
}

}  // namespace sluice::config::fake
