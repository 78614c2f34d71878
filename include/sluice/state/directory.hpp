#pragma once
// The directory that makes this gateway's changes survive it. One gateway per directory.

#include <string>
#include <string_view>

namespace sluice::state {

// Holds the directory's lock for as long as it lives; the kernel gives it back when the process
// dies.
class directory {
public:
    // Creates `path` (0700) and its missing parents if need be, sees that a file can be written or
    // could if there was room, and takes the lock. Throws std::runtime_error whose text names the
    // directory and what to do about it.
    explicit directory(std::string path);
    ~directory();
    directory(const directory&) = delete;
    directory& operator=(const directory&) = delete;

    // While another process works in it: gives the lock up, and takes it again. False: somebody
    // has it.
    void release() noexcept;
    [[nodiscard]] bool take_back() noexcept;

    // Whether what is at its path is still what was locked; another gateway may have made another
    // there since. Any thread.
    [[nodiscard]] bool is_ours() const noexcept;

    // Gives a file that root has made in it to whoever has the directory: a gateway that is not
    // root is to go on with it. Throws std::runtime_error.
    void give_to_owner(const std::string& path) const;

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    // The path of a file in it.
    [[nodiscard]] std::string file(std::string_view name) const;

private:
    std::string path_;
    int lock_ = -1;
};

}  // namespace sluice::state
