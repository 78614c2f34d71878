#pragma once
// Where the repository lies, and the recordings beside it. ctest says it; a program started by hand
// goes by its own source file.

#include <cstdlib>
#include <filesystem>

inline std::filesystem::path source_dir()
{
    if (const char* told = std::getenv("SLUICE_SOURCE"))
        return told;
    return std::filesystem::weakly_canonical(__FILE__).parent_path().parent_path();
}

inline std::filesystem::path shared_dir()
{
    if (const char* named = std::getenv("SLUICE_SHARED"))
        return named;
    return source_dir().parent_path() / "shared";
}
