#include <sluice/state/aside.hpp>
#include <sluice/state/kept_file.hpp>

#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace sluice::state {
namespace {

std::error_code last_error()
{
    return {errno, std::generic_category()};
}

// Closed when it goes.
class file {
public:
    file(const std::string& path, int flags)
        : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600))
    {
    }
    ~file()
    {
        if (fd_ >= 0)
            ::close(fd_);
    }
    file(const file&) = delete;
    file& operator=(const file&) = delete;

    [[nodiscard]] int fd() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }

private:
    int fd_;
};

std::error_code write_whole(const std::string& path, std::string_view text)
{
    const file out(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW);
    if (!out || ::fchmod(out.fd(), 0600) != 0)
        return last_error();
    while (!text.empty()) {
        const auto written = ::write(out.fd(), text.data(), text.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return last_error();
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return ::fsync(out.fd()) == 0 ? std::error_code{} : last_error();
}

std::error_code sync_directory(const std::string& path)
{
    const file directory(path, O_RDONLY | O_DIRECTORY);
    return directory && ::fsync(directory.fd()) == 0 ? std::error_code{} : last_error();
}

std::size_t hash_of(std::string_view text)
{
    return std::hash<std::string_view>{}(text);
}

}  // namespace

bool is_want_of_room(const std::error_code& ec) noexcept
{
    return ec == std::error_code(ENOSPC, std::generic_category())
           || ec == std::error_code(EDQUOT, std::generic_category());
}

kept_file::kept_file(std::string path, std::size_t max_bytes)
    : path_(std::move(path)),
      directory_(std::filesystem::path(path_).parent_path().string()),
      max_bytes_(max_bytes)
{
}

std::error_code kept_file::read(std::string& text, std::string_view none)
{
    text.clear();
    // Not waiting: what has taken its name may be a pipe that nobody writes to.
    const file in(path_, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!in && errno != ENOENT)
        return last_error();
    struct stat facts{};
    if (in && (::fstat(in.fd(), &facts) != 0 || !S_ISREG(facts.st_mode)))
        return std::make_error_code(
            S_ISDIR(facts.st_mode) ? std::errc::is_a_directory
                                   : std::errc::operation_not_supported);
    if (!in)
        text = none;
    std::array<char, 16'384> piece{};
    while (in && text.size() <= max_bytes_) {
        const auto got = ::read(in.fd(), piece.data(), piece.size());
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return last_error();
        if (got == 0)
            break;
        text.append(piece.data(), static_cast<std::size_t>(got));
    }
    on_disk_ = hash_of(text);
    return {};
}

std::error_code kept_file::save(std::string text)
{
    const auto hash = hash_of(text);
    const auto ec =
        text.size() > max_bytes_ ? std::make_error_code(std::errc::file_too_large) : replace(text);
    late_.reset();
    if (!ec)
        on_disk_ = hash;
    else if (on_disk_ != hash)
        late_ = std::move(text);
    return ec;
}

std::error_code kept_file::write_late()
{
    if (!late_)
        return {};
    return save(std::move(*late_));
}

std::error_code kept_file::replace(std::string_view text)
{
    const std::string next = path_ + ".next";
    if (const auto ec = write_whole(next, text)) {
        ::unlink(next.c_str());
        return ec;
    }
    if (std::rename(next.c_str(), path_.c_str()) != 0)
        return last_error();
    on_disk_.reset();  // either of the two, until the directory is there as well
    return sync_directory(directory_);
}

std::string kept_file::put_aside()
{
    on_disk_.reset();
    const std::string aside = free_name(path_, ".corrupt");
    const bool moved = std::rename(path_.c_str(), aside.c_str()) == 0;
    return moved ? "kept as " + aside : "left in place";
}

}  // namespace sluice::state
