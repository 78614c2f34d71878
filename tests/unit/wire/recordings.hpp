#pragma once
// Recorded provider traffic, where it is present: the folder `shared` beside the repository, or the
// one SLUICE_SHARED names.

#include "source_dir.hpp"

#include <boost/test/unit_test.hpp>
#include <simdjson.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace recordings {

inline std::filesystem::path folder()
{
    return shared_dir();
}

inline std::string read(const std::filesystem::path& file)
{
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

// Calls `use` with each line of corpus/<name>, a JSON object; says so when there is none.
template <class Use>
void each(std::string_view name, Use use)
{
    const auto file = folder() / "corpus" / name;
    std::ifstream in(file);
    if (!in) {
        BOOST_TEST_MESSAGE("skipped: no recordings at " << file);
        BOOST_TEST(true);
        return;
    }
    simdjson::dom::parser parser;
    std::size_t count = 0;
    for (std::string line; std::getline(in, line); ++count)
        use(simdjson::dom::element(parser.parse(line)));
    BOOST_TEST(count != 0U);
}

inline std::string text(const simdjson::dom::element& record, std::string_view key)
{
    std::string_view value;
    return record[key].get(value) == simdjson::SUCCESS ? std::string(value) : std::string();
}

}  // namespace recordings
