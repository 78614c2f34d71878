#include "import_litellm.hpp"

#include "litellm.hpp"

#include <filesystem>
#include <ostream>
#include <system_error>

namespace sluice {

int run_import_litellm(const import_litellm_options& options, std::ostream& out, std::ostream& err)
{
    if (std::error_code none; std::filesystem::is_directory(options.file, none)) {
        err << options.file << ": is a directory\n";
        return 2;
    }
    YAML::Node file;
    try {
        file = YAML::LoadFile(options.file);
    } catch (const YAML::BadFile&) {
        err << options.file << ": cannot be read\n";
        return 2;
    } catch (const YAML::Exception& failure) {
        err << options.file << ':' << failure.mark.line + 1 << ':' << failure.mark.column + 1
            << ": " << failure.msg << '\n';
        return 2;
    }
    if (!file.IsMap() || !file["model_list"]) {
        err << options.file
            << ": has no model_list, so it is no configuration of LiteLLM's proxy\n";
        return 2;
    }
    const auto made = read_litellm(file);
    YAML::Emitter text;
    text << made.document;
    out << "# Made by `sluice import-litellm` from a LiteLLM configuration.\n";
    for (const auto& one : made.left) {
        out << "# Not carried over: " << one << '\n';
        err << "not carried over: " << one << '\n';
    }
    out << text.c_str() << '\n';
    if (!made.document["keys"])
        err << "There are no keys in it: whoever reaches 127.0.0.1:4000 may use it. `sluice key "
               "new` makes "
               "one.\n";
    return 0;
}

}  // namespace sluice
