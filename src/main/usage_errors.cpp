#include "usage_errors.hpp"

#include <ostream>
#include <string>

namespace sluice {
namespace {

constexpr int bad_usage = 2;

// What may follow the command that was given, or the program.
std::string commands_of(const CLI::App& app)
{
    if (const auto given = app.get_subcommands(); !given.empty())
        return commands_of(*given.front());
    std::string names;
    for (const auto* one : app.get_subcommands([](const CLI::App*) { return true; }))
        names += (names.empty() ? "" : ", ") + one->get_name();
    return names;
}

}  // namespace

int tell_usage(
    const CLI::App& app, const CLI::ParseError& stop, std::ostream& out, std::ostream& err)
{
    const auto rest = app.remaining(true);
    const auto commands = commands_of(app);
    if (stop.get_name() != "RequiredError" || commands.empty())
        return app.exit(stop, out, err) == 0 ? 0 : bad_usage;
    if (rest.empty())
        err << "a command is missing";
    else
        err << "there is no command '" << rest.front() << '\'';
    err << ", allowed: " << commands << "\nRun with --help for more information.\n";
    return bad_usage;
}

int unless_lost(int code, std::ostream& out, std::ostream& err)
{
    if (out.flush() || code != 0)
        return code;
    err << "sluice: standard output cannot be written\n";
    return 1;
}

}  // namespace sluice
