#include "file_state.hpp"

#include <cstdint>
#include <sys/stat.h>

namespace sluice::server {

std::string state_of(const std::vector<std::string>& files)
{
    std::string text;
    for (const auto& file : files) {
        struct stat about{};
        if (::stat(file.c_str(), &about) == 0)
            for (const auto number :
                 {static_cast<std::int64_t>(about.st_dev),
                  static_cast<std::int64_t>(about.st_ino),
                  static_cast<std::int64_t>(about.st_size),
                  static_cast<std::int64_t>(about.st_ctim.tv_sec),
                  static_cast<std::int64_t>(about.st_ctim.tv_nsec)})
                text += std::to_string(number) + ' ';
        text += '/';
    }
    return text;
}

}  // namespace sluice::server
