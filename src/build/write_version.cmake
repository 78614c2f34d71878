execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12
    OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed)
    set(commit "unknown")
endif()
set(text "#include <sluice/base/build_info.hpp>

namespace sluice {
const build_info& this_build() noexcept
{
    static constexpr build_info info{\"${VERSION}\", \"${commit}\", \"${COMPILER}\", \"${BUILD}\"};
    return info;
}
}  // namespace sluice
")
if(EXISTS ${OUT})
    file(READ ${OUT} old)
endif()
if(NOT "${old}" STREQUAL "${text}")
    file(WRITE ${OUT} "${text}")
endif()
