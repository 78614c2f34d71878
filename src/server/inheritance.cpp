#include <sluice/config/units.hpp>
#include <sluice/server/handover.hpp>
#include <sluice/server/json_writer.hpp>

#include <simdjson.h>

#include <fcntl.h>
#include <limits>
#include <stdexcept>
#include <unistd.h>

namespace sluice::server {
namespace {

namespace dom = simdjson::dom;
using kind = handover_message::kind;

}  // namespace

std::unique_ptr<inheritance> inheritance::find(const config::environment& environment)
{
    const auto text =
        environment.variable ? environment.variable(std::string(handover_variable)) : std::nullopt;
    if (!text)
        return nullptr;
    const auto number = config::parse_count(*text);
    if (!number || *number > std::uint64_t{std::numeric_limits<int>::max()}
        || ::fcntl(static_cast<int>(*number), F_SETFD, FD_CLOEXEC) != 0)
        throw std::runtime_error(
            std::string(handover_variable) + "=" + *text + " is no open descriptor");
    return std::make_unique<inheritance>(static_cast<int>(*number));
}

inheritance::inheritance(int descriptor)
    : link_(std::make_shared<handover_link>(descriptor))
{
}

inheritance::~inheritance()
{
    if (admin_)
        ::close(admin_->descriptor);
    for (const auto& each : listeners_)
        ::close(each.descriptor);
}

void inheritance::receive()
{
    json_writer hello;
    hello.begin_object().key("version").count(handover_version);
    hello.key("counts_places").boolean(true).end_object();
    (void)link_->send(kind::hello, hello.str());
    while (auto message = link_->wait(patience)) {
        if (message->what == kind::socket) {
            take_socket(std::move(*message));
            continue;
        }
        if (message->what != kind::take)
            break;
        dom::parser parser;
        dom::element all;
        std::string_view scratch;
        if (parser.parse(message->body).get(all) == simdjson::SUCCESS
            && all["scratch"].get(scratch) == simdjson::SUCCESS)
            scratch_ = scratch;
        return;
    }
    throw std::runtime_error("the process before this one has not handed over");
}

void inheritance::take_socket(handover_message message)
{
    auto socket = inspect(message.descriptor, "a socket of the process before this one");
    dom::parser parser;
    dom::element about;
    std::string_view role;
    const bool known = parser.parse(message.body).get(about) == simdjson::SUCCESS
                       && about["any_port"].get(socket.any_port) == simdjson::SUCCESS
                       && about["for"].get(role) == simdjson::SUCCESS;
    if (!known) {
        ::close(socket.descriptor);
        throw std::runtime_error("a socket of the process before this one is for nothing");
    }
    if (role == "admin")
        admin_ = std::move(socket);
    else
        listeners_.push_back(std::move(socket));
}

void inheritance::refuse(std::string_view why)
{
    (void)link_->send(kind::refuse, why);
}

std::string inheritance::ready()
{
    (void)link_->send(kind::ready, "");
    auto message = link_->wait(patience);
    return message && message->what == kind::go ? std::move(message->body) : std::string();
}

}  // namespace sluice::server
