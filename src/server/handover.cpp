#include <sluice/server/handover.hpp>
#include <sluice/server/json_writer.hpp>

#include <simdjson.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace sluice::server {
namespace {

using kind = handover_message::kind;

// For a process that has closed its end to be gone by itself, so that one can tell how.
constexpr int until_gone_ms = 300;

std::vector<char*> pointers_to(std::vector<std::string>& texts)
{
    std::vector<char*> out;
    for (auto& text : texts)
        out.push_back(text.data());
    out.push_back(nullptr);
    return out;
}

// Sockets of the service manager are handed over like the others, so the new process is not to look
// for them.
std::vector<std::string> variables_for(const own_command& command, int descriptor)
{
    auto variables = command.variables;
    std::erase_if(variables, [](const std::string& one) {
        return one.starts_with("LISTEN_PID=") || one.starts_with("LISTEN_FDS=")
               || one.starts_with("LISTEN_FDNAMES=")
               || one.starts_with(std::string(handover_variable) + '=');
    });
    variables.push_back(std::string(handover_variable) + '=' + std::to_string(descriptor));
    return variables;
}

// The error; 0: started. `descriptor` is the only one that it gets beyond the standard ones.
int spawn(own_command command, int descriptor, pid_t& child)
{
    auto variables = variables_for(command, descriptor);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    // Onto itself: it is not closed on exec any more.
    ::posix_spawn_file_actions_adddup2(&actions, descriptor, descriptor);
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    const int error = ::posix_spawn(
        &child,
        command.program.c_str(),
        &actions,
        &attributes,
        pointers_to(command.arguments).data(),
        pointers_to(variables).data());
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
    return error;
}

std::string socket_text(const given_socket& of, std::string_view role)
{
    json_writer out;
    out.begin_object().key("for").text(role).key("any_port").boolean(of.any_port);
    return out.end_object().str();
}

bool is_known(const std::string& hello, bool& counts_places)
{
    simdjson::dom::parser parser;
    simdjson::dom::element all;
    std::uint64_t version = 0;
    if (parser.parse(hello).get(all) != simdjson::SUCCESS
        || all["version"].get(version) != simdjson::SUCCESS || version != handover_version)
        return false;
    // Programs from before there were places break off at them.
    counts_places = all["counts_places"].get(counts_places) == simdjson::SUCCESS && counts_places;
    return true;
}

void wait_until_gone(pid_t child)
{
    const auto process = static_cast<int>(::syscall(SYS_pidfd_open, child, 0));
    if (process < 0)
        return;
    pollfd waiting{process, POLLIN, 0};
    ::poll(&waiting, 1, until_gone_ms);
    ::close(process);
}

}  // namespace

handover::handover(
    boost::asio::io_context& context,
    own_command command,
    milliseconds limit,
    host process,
    observe::logger& log)
    : command_(std::move(command)),
      limit_(limit),
      host_(std::move(process)),
      log_(log),
      watched_(context),
      late_(context)
{
}

handover::~handover()
{
    if (under_way() && !done_)
        (void)end_child(true);
}

void handover::begin()
{
    if (done_ || under_way()) {
        log_.warn(
            "upgrade_refused",
            done_ ? "another process has taken over already" : "an upgrade is under way already");
        return;
    }
    if (!start())
        return;
    log_.info(
        "upgrade",
        "started a new process to take over",
        {{"program", std::string_view(command_.program)}, {"pid", std::int64_t{child_}}});
    late_.expires_after(limit_);
    late_.async_wait([this](const boost::system::error_code& ec) {
        if (!ec && under_way() && !done_)
            fail("it was not ready in time");
    });
    listen();
}

bool handover::start()
{
    int ends[2] = {-1, -1};
    int error = command_.program.empty() ? ENOENT : 0;
    if (error == 0 && ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        error = errno;
    if (error == 0) {
        link_ = std::make_shared<handover_link>(ends[0]);
        error = spawn(command_, ends[1], child_);
        ::close(ends[1]);
    }
    boost::system::error_code ec;
    if (error == 0)
        watched_.assign(::fcntl(link_->descriptor(), F_DUPFD_CLOEXEC, 0), ec);
    if (error == 0 && !ec)
        return true;
    if (error != 0)
        child_ = 0;
    fail(error != 0 ? std::generic_category().message(error) : ec.message());
    return false;
}

void handover::listen()
{
    watched_.async_wait(
        boost::asio::posix::stream_descriptor::wait_read,
        [this](const boost::system::error_code& ec) {
            if (!ec && under_way() && !done_)
                heard();
        });
}

void handover::heard()
{
    const bool open = link_->receive();
    while (auto message = link_->next()) {
        answer(*message);
        if (!under_way() || done_)
            return;
    }
    if (link_->broken())
        return fail("it does not keep to the protocol");
    if (!open)
        return fail({}, false);
    listen();
}

void handover::answer(const handover_message& message)
{
    switch (message.what) {
    case kind::hello:
        if (held_ || !is_known(message.body, heir_counts_))
            return fail("it speaks another version");
        return offer();
    case kind::refuse:
        return fail(message.body, false);
    case kind::ready:
        if (!held_)
            return fail("it was ready before it was asked");
        break;
    default:
        return fail("it does not keep to the protocol");
    }
    done_ = true;
    late_.cancel();
    boost::system::error_code ignored;
    watched_.close(ignored);
    const auto state = host_.succeed(child_);
    (void)link_->send(kind::go, state);
    log_.info("upgraded", "another process has taken over", {{"pid", std::int64_t{child_}}});
    host_.give_link(std::move(link_));
}

void handover::offer()
{
    if (const auto why = host_.hold())
        return fail(*why);
    held_ = true;
    const auto all = host_.offer();
    bool sent = true;
    for (const auto& each : all.listeners)
        sent = sent && link_->send(kind::socket, socket_text(each, "listen"), each.descriptor);
    if (all.admin)
        sent =
            sent
            && link_->send(kind::socket, socket_text(*all.admin, "admin"), all.admin->descriptor);
    json_writer out;
    out.begin_object().key("scratch").text(all.scratch).end_object();
    if (!sent || !link_->send(kind::take, out.str()))
        fail({}, false);
}

void handover::cancel(std::string_view why)
{
    if (under_way() && !done_)
        fail(why);
}

void handover::fail(std::string_view why, bool at_once)
{
    late_.cancel();
    // Before the link is closed: whose predecessor dies serves.
    const auto how = child_ > 0 ? end_child(at_once) : std::string("it could not be started");
    boost::system::error_code ignored;
    watched_.close(ignored);
    link_.reset();
    // Not before it has ended: it may have the lock.
    if (std::exchange(held_, false))
        host_.resume();
    log_.error(
        "upgrade_failed",
        "the new process did not take over; this one goes on",
        {{"program", std::string_view(command_.program)},
         {"why", why.empty() ? std::string_view(how) : why},
         {"end", std::string_view(how)}});
    host_.failed();
}

std::string handover::end_child(bool at_once)
{
    if (!at_once)
        wait_until_gone(child_);
    int status = 0;
    pid_t ended = ::waitpid(child_, &status, WNOHANG);
    const bool by_itself = ended == child_;
    if (!by_itself) {
        ::kill(child_, SIGKILL);
        do {
            ended = ::waitpid(child_, &status, 0);
        } while (ended < 0 && errno == EINTR);
    }
    child_ = 0;
    if (!by_itself)
        return "it had to be killed";
    return WIFEXITED(status) ? "it ended with code " + std::to_string(WEXITSTATUS(status))
                             : "signal " + std::to_string(WTERMSIG(status)) + " ended it";
}

}  // namespace sluice::server
