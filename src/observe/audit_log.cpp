#include <sluice/observe/audit_log.hpp>
#include <sluice/observe/json_line.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace sluice::observe {
namespace {

constexpr std::size_t value_bytes = std::size_t{16} << 10U;
constexpr std::size_t recent_bytes = std::size_t{1} << 20U;
constexpr std::size_t late_bytes = std::size_t{1} << 20U;

std::error_code last_error()
{
    return {errno, std::generic_category()};
}

std::error_code write_whole(int file, std::string_view text)
{
    while (!text.empty()) {
        const auto written = ::write(file, text.data(), text.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return last_error();
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return ::fsync(file) == 0 ? std::error_code{} : last_error();
}

off_t size_of(int file)
{
    struct stat facts{};
    return ::fstat(file, &facts) == 0 ? facts.st_size : 0;
}

constexpr std::string_view last_key = ",\"version\":";

// The last member is the version. A quote within a value is escaped, so no piece of a line ends so.
bool whole(std::string_view line)
{
    const auto at = line.rfind(last_key);
    if (!line.starts_with('{') || !line.ends_with('}') || at == std::string_view::npos)
        return false;
    line.remove_prefix(at + last_key.size());
    line.remove_suffix(1);
    return !line.empty() && std::ranges::all_of(line, [](char c) { return c >= '0' && c <= '9'; });
}

int open_log(const std::string& path)
{
    return ::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

std::error_code sync_parent(const std::string& path)
{
    const auto parent = std::filesystem::path(path).parent_path();
    const int directory =
        ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return last_error();
    const auto ec = ::fsync(directory) == 0 ? std::error_code{} : last_error();
    ::close(directory);
    return ec;
}

std::string tail_of(int file)
{
    const auto size = static_cast<std::size_t>(size_of(file));
    std::string text(std::min(size, recent_bytes), '\0');
    const auto got =
        ::pread(file, text.data(), text.size(), static_cast<off_t>(size - text.size()));
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
}

// The last whole lines of `text`, newest first, until there are `count`.
void add_lines(std::string_view text, std::size_t count, std::vector<std::string>& entries)
{
    while (!text.empty() && entries.size() < count) {
        if (text.back() == '\n')
            text.remove_suffix(1);
        const auto begin = text.rfind('\n') + 1;  // npos + 1 is 0
        if (const auto line = text.substr(begin); whole(line))
            entries.emplace_back(line);
        text = text.substr(0, begin);
    }
}

}  // namespace

audit_log::audit_log(std::string path, std::size_t max_bytes)
    : path_(std::move(path)),
      older_(path_ + ".1"),
      max_bytes_(max_bytes)
{
    file_ = open_log(path_);
    if (file_ < 0)
        throw std::system_error(last_error(), path_);
    char last = '\n';
    if (const off_t size = size_of(file_); size > 0) [[maybe_unused]]
        const auto got = ::pread(file_, &last, 1, size - 1);
    std::error_code ec = ::fchmod(file_, 0600) == 0 ? std::error_code{} : last_error();
    if (!ec)
        ec = write_whole(file_, last == '\n' ? "" : "\n");
    if (!ec)
        ec = sync_parent(path_);
    if (ec) {
        ::close(file_);
        throw std::system_error(ec, path_);
    }
}

audit_log::~audit_log()
{
    ::close(file_);
}

// The file becomes the older one, which is lost. With an error everything is as it was.
std::error_code audit_log::begin_new_file()
{
    if (::rename(path_.c_str(), older_.c_str()) != 0)
        return last_error();
    const int next = open_log(path_);
    if (next < 0) {
        const auto ec = last_error();
        (void)::rename(older_.c_str(), path_.c_str());
        return ec;
    }
    ::close(std::exchange(file_, next));
    return sync_parent(path_);
}

// With an error the file is as it was.
std::error_code audit_log::write(std::string_view lines)
{
    if (static_cast<std::size_t>(size_of(file_)) >= max_bytes_)
        if (const auto ec = begin_new_file())
            return ec;
    const off_t before = size_of(file_);
    const auto ec = write_whole(file_, lines);
    if (ec && ::ftruncate(file_, before) != 0)
        return last_error();
    return ec;
}

std::error_code audit_log::put(const audit_entry& entry, bool firmly)
{
    std::vector<char> memory(2 * value_bytes + 8192);
    timestamp_text time;
    json_line line(memory);
    line.text("time", time.of(std::chrono::system_clock::now().time_since_epoch()));
    line.text("actor", entry.actor, 256).text("remote", entry.remote, 256);
    line.text("action", entry.action, 256).text("path", entry.path, 1024);
    line.text("from", entry.from, value_bytes).text("to", entry.to, value_bytes);
    if (!entry.reason.empty())
        line.text("reason", entry.reason, 1024);
    line.number("version", entry.version);

    const auto text = line.finish();

    const std::scoped_lock lock(mutex_);
    auto ec = late_.empty() ? std::error_code() : write(late_);
    if (!ec) {
        late_.clear();
        ec = write(text);
    }
    if (ec && firmly && late_.size() + text.size() <= late_bytes)
        late_ += text;
    return ec;
}

std::error_code audit_log::append(const audit_entry& entry)
{
    return put(entry, false);
}

std::error_code audit_log::enter(const audit_entry& entry)
{
    return put(entry, true);
}

bool audit_log::late() const
{
    const std::scoped_lock lock(mutex_);
    return !late_.empty();
}

std::error_code audit_log::write_late()
{
    const std::scoped_lock lock(mutex_);
    const auto ec = late_.empty() ? std::error_code() : write(late_);
    if (!ec)
        late_.clear();
    return ec;
}

std::vector<std::string> audit_log::recent(std::size_t count) const
{
    std::vector<std::string> entries;
    const std::scoped_lock lock(mutex_);
    add_lines(late_, count, entries);
    add_lines(tail_of(file_), count, entries);
    if (entries.size() == count)
        return entries;
    if (const int older = ::open(older_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW); older >= 0) {
        add_lines(tail_of(older), count, entries);
        ::close(older);
    }
    return entries;
}

std::uint64_t audit_log::last_version() const
{
    std::uint64_t version = 0;
    for (const auto& line : recent(1)) {
        const auto* digits = line.data() + line.rfind(last_key) + last_key.size();
        std::from_chars(digits, line.data() + line.size(), version);
    }
    return version;
}

}  // namespace sluice::observe
