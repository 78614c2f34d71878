#include <sluice/server/replace_file.hpp>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice::server {
namespace {

std::error_code last_error()
{
    return {errno, std::generic_category()};
}

std::error_code write_all(int fd, std::string_view text)
{
    while (!text.empty()) {
        const auto written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return last_error();
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

std::error_code fill(int fd, const struct stat& like, std::string_view text)
{
    // The owner first: changing it clears set-id bits. Only root may, and a file that changes hands
    // to whoever runs the gateway is better than no change at all.
    if (::fchown(fd, like.st_uid, like.st_gid) != 0 && errno != EPERM)
        return last_error();
    if (::fchmod(fd, like.st_mode & 07777U) != 0)
        return last_error();
    if (const auto ec = write_all(fd, text))
        return ec;
    return ::fsync(fd) == 0 ? std::error_code{} : last_error();
}

std::error_code sync_directory(const std::string& path)
{
    const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return last_error();
    const auto ec = ::fsync(fd) == 0 ? std::error_code{} : last_error();
    ::close(fd);
    return ec;
}

}  // namespace

std::error_code replace_file(const std::string& path, std::string_view text)
{
    std::error_code ec;
    const auto real = std::filesystem::canonical(path, ec);
    if (ec)
        return ec;
    struct stat like{};
    if (::stat(real.c_str(), &like) != 0)
        return last_error();

    std::string next = real.string() + ".XXXXXX";
    const int fd = ::mkostemp(next.data(), O_CLOEXEC);
    if (fd < 0)
        return last_error();
    ec = fill(fd, like, text);
    if (::close(fd) != 0 && !ec)
        ec = last_error();
    if (!ec && std::rename(next.c_str(), real.c_str()) != 0)
        ec = last_error();
    if (ec) {
        ::unlink(next.c_str());
        return ec;
    }
    return sync_directory(real.parent_path().string());
}

}  // namespace sluice::server
