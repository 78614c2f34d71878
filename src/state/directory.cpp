#include <sluice/state/directory.hpp>
#include <sluice/state/kept_file.hpp>

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <stdexcept>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace sluice::state {
namespace {

[[noreturn]] void refuse(const std::string& path, const std::string& what)
{
    throw std::runtime_error("state.directory " + path + ": " + what);
}

std::string reason(int error)
{
    return std::generic_category().message(error);
}

// Only what is made here gets mode 0700; a directory that is there keeps its own.
void make(const std::string& path)
{
    std::error_code ec;
    if (std::filesystem::is_directory(path, ec))
        return;
    const auto parent = std::filesystem::path(path).parent_path();
    if (!parent.empty())
        std::filesystem::create_directories(parent, ec);
    if (ec || (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST))
        refuse(
            path,
            "cannot be created (" + (ec ? ec.message() : reason(errno))
                + "); create it or name one this user may write");
    if (!std::filesystem::is_directory(path, ec))
        refuse(path, "is not a directory");
}

void see_that_it_is_writable(const std::string& path)
{
    const std::string probe = path + "/.probe";
    const int file =
        ::open(probe.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    const bool written = file >= 0 && ::write(file, "x", 1) == 1;
    const int error = errno;
    if (file >= 0)
        ::close(file);
    ::unlink(probe.c_str());
    if (!written && !is_want_of_room({error, std::generic_category()}))
        refuse(path, "cannot be written (" + reason(error) + "); live changes would be lost");
}

// Of those that root has made, which nobody can have put another one's name to.
bool give(int file, const std::string& to_owner_of)
{
    struct stat made{};
    struct stat there{};
    if (::geteuid() != 0)
        return true;
    if (file < 0 || ::fstat(file, &made) != 0 || ::stat(to_owner_of.c_str(), &there) != 0)
        return false;
    if (made.st_uid != 0 || made.st_nlink != 1)
        return true;
    return ::fchown(file, there.st_uid, there.st_gid) == 0;
}

}  // namespace

directory::directory(std::string path)
    : path_(std::move(path))
{
    while (path_.size() > 1 && path_.back() == '/')
        path_.pop_back();
    make(path_);
    see_that_it_is_writable(path_);
    const std::string lock = file("lock");
    lock_ = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock_ < 0)
        refuse(path_, "its lock file cannot be opened (" + reason(errno) + ")");
    if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
        const int error = errno;
        ::close(lock_);
        lock_ = -1;
        refuse(
            path_,
            error == EWOULDBLOCK ? "is in use by another gateway; give each its own directory"
                                 : "cannot be locked (" + reason(error) + ")");
    }
    (void)give(lock_, path_);
}

directory::~directory()
{
    ::close(lock_);
}

void directory::release() noexcept
{
    ::flock(lock_, LOCK_UN);
}

bool directory::take_back() noexcept
{
    return ::flock(lock_, LOCK_EX | LOCK_NB) == 0;
}

void directory::give_to_owner(const std::string& path) const
{
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    const bool given = give(file, path_);
    const int error = errno;
    ::close(file);
    if (!given)
        refuse(path_, path + " cannot be given to its owner (" + reason(error) + ")");
}

bool directory::is_ours() const noexcept
{
    struct stat held{};
    struct stat there{};
    return ::fstat(lock_, &held) == 0 && ::stat((path_ + "/lock").c_str(), &there) == 0
           && held.st_dev == there.st_dev && held.st_ino == there.st_ino;
}

std::string directory::file(std::string_view name) const
{
    return path_ + '/' + std::string(name);
}

}  // namespace sluice::state
