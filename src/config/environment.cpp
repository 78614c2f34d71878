#include <sluice/config/cores.hpp>
#include <sluice/config/environment.hpp>
#include <sluice/net/tls.hpp>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace sluice::config {
namespace {

constexpr std::size_t max_secret_file = std::size_t{1} << 20U;

class descriptor {
public:
    explicit descriptor(int fd)
        : fd_(fd)
    {
    }
    ~descriptor()
    {
        if (fd_ >= 0)
            ::close(fd_);
    }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    [[nodiscard]] int get() const { return fd_; }

private:
    int fd_;
};

// As open(2) would say it, but a file that is not there is not made.
std::string append_fault(const std::string& path)
{
    const auto said = [](int error) { return std::generic_category().message(error); };
    const auto allows = [](const std::string& file, int what) {
        return ::faccessat(AT_FDCWD, file.c_str(), what, AT_EACCESS) == 0;
    };
    struct stat about{};
    if (::stat(path.c_str(), &about) == 0) {
        if (S_ISDIR(about.st_mode))
            return said(EISDIR);
        return allows(path, W_OK) ? "" : said(errno);
    }
    if (errno != ENOENT)
        return said(errno);
    const auto slash = path.rfind('/');
    const auto directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    return allows(directory, W_OK | X_OK) ? "" : said(errno);
}

}  // namespace

std::optional<std::string> read_file(const std::string& path, std::size_t max_bytes)
{
    std::string why;
    return read_file(path, max_bytes, why);
}

std::optional<std::string> read_file(
    const std::string& path, std::size_t max_bytes, std::string& why)
{
    const auto failed = [&why](int error) {
        why = std::generic_category().message(error);
        return std::nullopt;
    };
    // Not blocking: a pipe without a writer must not hold up a reload.
    const descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct stat about{};
    if (file.get() < 0 || ::fstat(file.get(), &about) != 0)
        return failed(errno);
    if (S_ISDIR(about.st_mode))
        return failed(EISDIR);
    if (!S_ISREG(about.st_mode)) {
        why = "it is no regular file";
        return std::nullopt;
    }
    std::string content;
    std::array<char, 16'384> piece;
    while (true) {
        const auto count = ::read(file.get(), piece.data(), piece.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return failed(errno);
        if (count == 0)
            return content;
        content.append(piece.data(), static_cast<std::size_t>(count));
        if (content.size() > max_bytes) {
            why = "it is larger";
            return std::nullopt;
        }
    }
}

environment process_environment()
{
    environment real;
    real.variable = [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
    };
    real.file = [](const std::string& path) { return read_file(path, max_secret_file); };
    real.certificate_fault = net::certificate_fault;
    real.private_key_fault = net::private_key_fault;
    real.append_fault = append_fault;
    real.authorities_fault = net::authorities_fault;
    real.cores = usable_cores();
    return real;
}

}  // namespace sluice::config
