#include "import_litellm.hpp"

#include "litellm.hpp"
#include <sluice/base/text.hpp>
#include <sluice/config/environment.hpp>

#include <algorithm>
#include <ostream>
#include <system_error>

namespace sluice {
namespace {

bool has_model_list(const config::node& file)
{
    return file.is == config::node::kind::map
           && std::ranges::find(file.members, "model_list", &config::member::name)
                  != file.members.end();
}

}  // namespace

int run_import_litellm(const import_litellm_options& options, std::ostream& out, std::ostream& err)
{
    std::string why;
    const auto text = config::read_file(options.file, config::max_file_bytes, why);
    if (!text) {
        err << options.file << ": " << config::unreadable(why) << '\n';
        return 2;
    }
    const auto file = config::read_yaml(*text, options.file);
    for (const auto& complaint : file.complaints)
        err << to_string(complaint) << '\n';
    if (!file.complaints.empty())
        return 2;
    if (!has_model_list(file.root)) {
        err << options.file
            << ": has no model_list, so it is no configuration of LiteLLM's proxy\n";
        return 2;
    }
    const auto made = read_litellm(file.root);
    std::string head = "# Made by `sluice import-litellm` from a LiteLLM configuration.\n";
    for (const auto& one : made.left) {
        const auto shown = json_escaped(one);  // a name in it may have line ends
        head += "# Not carried over: " + shown + '\n';
        err << "not carried over: " << shown << '\n';
    }
    if (made.models.empty()) {
        err << options.file << ": none of its models can be carried over\n";
        return 2;
    }
    out << head << to_yaml(made) << '\n';
    if (made.master_hash.empty())
        err << "There are no keys in it: whoever reaches 127.0.0.1:4000 may use it. `sluice key "
               "new` makes one.\n";
    return 0;
}

}  // namespace sluice
