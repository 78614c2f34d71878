#include "ledger_rebuild.hpp"

#include <sluice/state/aside.hpp>
#include <sluice/state/directory.hpp>
#include <sluice/state/rebuild.hpp>

#include <algorithm>
#include <array>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace sluice {
namespace {

// What logs are packed with begins so: gzip, zstd, xz, bzip2.
bool is_compressed(std::string_view first_line)
{
    using namespace std::string_view_literals;
    constexpr std::array beginnings{
        "\x1f\x8b"sv,
        "\x28\xb5\x2f\xfd"sv,
        "\xfd"
        "7zXZ"sv,
        "BZh"sv};
    return std::ranges::any_of(
        beginnings, [&](std::string_view each) { return first_line.starts_with(each); });
}

// Throws std::runtime_error where this is no access log.
void read_all(const std::string& name, std::istream& from, state::usage_rebuilder& into)
{
    const auto before = into.read();
    bool first = true;
    for (std::string line; std::getline(from, line); first = false) {
        if (first && is_compressed(line))
            throw std::runtime_error(
                "'" + name + "' is compressed: gunzip it before, or zcat it to --from -");
        into.take(line);
    }
    if (from.bad())
        throw std::runtime_error("cannot read '" + name + "'");
    const auto& now = into.read();
    if (now.broken > before.broken && now.bills + now.others == before.bills + before.others)
        throw std::runtime_error("no line of '" + name + "' is an access log's");
}

void read_file(const std::string& name, state::usage_rebuilder& into)
{
    if (name == "-")
        return read_all(name, std::cin, into);
    if (std::filesystem::is_directory(name))
        throw std::runtime_error("'" + name + "' is a directory");
    std::ifstream file(name, std::ios::binary);
    if (!file)
        throw std::runtime_error("cannot read '" + name + "'");
    read_all(name, file, into);
}

// What is billed twice is billed wrong. Throws std::runtime_error.
void see_that_all_differ(const std::vector<std::string>& files)
{
    std::error_code ignored;  // who reads it complains
    for (auto each = files.begin(); each != files.end(); ++each)
        for (auto other = files.begin(); other != each; ++other)
            if (*each == *other || std::filesystem::equivalent(*each, *other, ignored))
                throw std::runtime_error(
                    "'" + *each + "' is named twice"
                    + (*each == *other ? "" : ", as '" + *other + "' too"));
}

void remove_all_of(const std::string& database)
{
    std::error_code ignored;  // the rebuilder complains of what is still there
    for (const auto* behind : {"", "-wal", "-shm"})
        std::filesystem::remove(database + behind, ignored);
}

// Throws std::runtime_error.
state::usage_rebuilder::numbers rebuild(
    const std::string& path, const std::vector<std::string>& files)
{
    see_that_all_differ(files);
    remove_all_of(path);
    state::usage_rebuilder into(path);
    for (const auto& name : files)
        read_file(name, into);
    into.finish();
    const auto& done = into.read();
    if (done.bills + done.others == 0)
        throw std::runtime_error("there is no line in what --from names");
    return done;
}

// The new one takes the old one's place when it is whole. After a crash much of the old one is in
// its log of writes, which keeps the name it is found by. Empty: there was none.
std::string replace(const std::string& path, const std::string& with)
{
    std::string kept;
    if (std::filesystem::exists(path)) {
        kept = state::free_name(path, ".before");
        if (std::filesystem::exists(path + "-wal"))
            std::filesystem::rename(path + "-wal", kept + "-wal");
        std::filesystem::rename(path, kept);
    }
    for (const auto* behind : {"-wal", "-shm"})
        std::filesystem::remove(path + behind);
    std::filesystem::rename(with, path);
    return kept;
}

}  // namespace

int run_ledger_rebuild(const ledger_rebuild_options& options, std::ostream& out, std::ostream& err)
{
    std::optional<state::directory> locked;
    try {
        if (!std::filesystem::is_directory(options.directory))
            throw std::runtime_error("state.directory " + options.directory + ": is no directory");
        locked.emplace(options.directory);
    } catch (const std::exception& why) {
        err << "sluice ledger: " << why.what() << '\n';
        return 2;
    }
    const auto path = locked->file("usage.db");
    const auto beside = path + ".rebuilt";
    state::usage_rebuilder::numbers done;
    std::string kept;
    try {
        done = rebuild(beside, options.files);
        locked->give_to_owner(beside);
        kept = replace(path, beside);
    } catch (const std::exception& why) {
        remove_all_of(beside);
        err << "sluice ledger: " << why.what() << '\n';
        return 1;
    }
    out << done.bills << " bills from the logs; " << done.others << " lines without one";
    if (done.broken > 0)
        out << ", " << done.broken << " broken line" << (done.broken > 1 ? "s" : "")
            << " passed over";
    out << '\n';
    if (!kept.empty())
        out << "what was there before is in " << kept << '\n';
    return 0;
}

}  // namespace sluice
