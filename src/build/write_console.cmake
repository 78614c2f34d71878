# Octets as escapes: nothing in a file can end its literal. A literal may not be as long as a file, so
# each line is one.
set(rows "")
list(LENGTH FILES count)
foreach(file IN LISTS FILES)
    file(READ ${file} hex HEX)
    string(LENGTH "${hex}" digits)
    math(EXPR bytes "${digits} / 2")
    string(REGEX REPLACE "(................................................................)" "\\1\n" hex "${hex}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" hex "${hex}")
    string(REGEX REPLACE "\n" "\"\n    \"" hex "${hex}")
    get_filename_component(name ${file} NAME)
    string(APPEND rows "    {\"${name}\", {\n    \"${hex}\", ${bytes}}},\n")
endforeach()
file(WRITE ${OUT} "#include \"server/console_files.hpp\"

#include <array>

namespace sluice::server {
namespace {

constexpr std::array<console_file, ${count}> files{{
${rows}}};

}  // namespace

std::span<const console_file> console_files() noexcept
{
    return files;
}

}  // namespace sluice::server
")
