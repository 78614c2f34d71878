#pragma once

#include <filesystem>
#include <stdexcept>
#include <stdlib.h>
#include <string>
#include <system_error>
#include <utility>

namespace sluice::server {

// A directory of our own where live changes are not to outlive the process.
class scratch_directory {
public:
    // Goes on with `adopted`, if there is one, which another process has made and leave()s; it is
    // removed in that one's stead.
    explicit scratch_directory(bool wanted, std::string adopted = {})
        : path_(std::move(adopted))
    {
        if (!wanted || !path_.empty())
            return;
        path_ = (std::filesystem::temp_directory_path() / "sluice-XXXXXX").string();
        if (::mkdtemp(path_.data()) == nullptr)
            throw std::runtime_error("cannot make a temporary directory: " + path_);
    }
    // Another process goes on with it.
    void leave() noexcept { path_.clear(); }
    scratch_directory(const scratch_directory&) = delete;
    scratch_directory& operator=(const scratch_directory&) = delete;
    ~scratch_directory()
    {
        std::error_code ignored;
        if (!path_.empty())
            std::filesystem::remove_all(path_, ignored);
    }

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    std::string path_;
};

}  // namespace sluice::server
