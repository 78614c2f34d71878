#pragma once
// A directory that goes with the test, and what its files hold.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/fsuid.h>
#include <vector>

namespace sluice {

struct temporary_directory {
    temporary_directory()
    {
        auto name = (std::filesystem::temp_directory_path() / "sluice-test-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr)
            throw std::runtime_error("no temporary directory");
        path = name;
    }
    ~temporary_directory() { std::filesystem::remove_all(path); }
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;

    [[nodiscard]] std::string file(std::string_view name) const
    {
        return path + '/' + std::string(name);
    }

    std::string path;
};

// For this thread, and those it begins, files are what their modes say, which they are not for
// root.
class without_privilege {
public:
    without_privilege()
        : before_(::setfsuid(nobody))
    {
    }
    ~without_privilege() { ::setfsuid(static_cast<uid_t>(before_)); }
    without_privilege(const without_privilege&) = delete;
    without_privilege& operator=(const without_privilege&) = delete;

private:
    static constexpr uid_t nobody = 65534;  // of whom is no root this has no effect
    int before_;
};

inline std::string text_of(const std::string& path)
{
    std::ifstream in(path);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

inline std::vector<std::string> lines_of(const std::string& path)
{
    std::ifstream in(path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);)
        lines.push_back(line);
    return lines;
}

}  // namespace sluice
