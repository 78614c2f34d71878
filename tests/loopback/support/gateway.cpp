#include "gateway.hpp"

#include <sluice/base/text.hpp>
#include <sluice/config/key.hpp>
#include <sluice/server/gateway.hpp>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <iostream>
#include <mutex>
#include <optional>
#include <poll.h>
#include <sys/inotify.h>
#include <thread>
#include <unistd.h>

namespace loopback {
namespace {

std::string in_directory(std::string text, const std::string& directory)
{
    constexpr std::string_view mark = "@DIR@";
    for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at))
        text.replace(at, mark.size(), directory);
    return text;
}

std::string temporary_directory()
{
    std::string name = (std::filesystem::temp_directory_path() / "sluice-loopback-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
        throw failure("cannot make a temporary directory");
    return name;
}

std::vector<std::string> lines_of(const std::string& path)
{
    std::ifstream file(path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line) && !file.eof();)
        lines.push_back(line);
    return lines;
}

}  // namespace

config::config(std::uint16_t provider_port)
{
    set("listen", "[{ address: '127.0.0.1:0' }]");
    set("admin", "{ address: '127.0.0.1:0' }");
    set("workers", "1");
    set("state", "{ directory: '@DIR@/state' }");
    set("access_log", "'@DIR@/access.log'");
    set("providers",
        "{ one: { base_url: '" + base_url(provider_port)
            + "', api_key: " + std::string(provider_key) + " } }");
    set("models",
        "{ m: { targets: [{ provider: one, model: upstream-m }], retry: { attempts: 1 } } }");
}

config& config::set(const std::string& key, std::string_view value)
{
    sections_[key] = value;
    return *this;
}

std::string config::text() const
{
    std::string made;
    for (const auto& [key, value] : sections_)
        made += key + ": " + value + "\n";
    return made;
}

std::string base_url(std::uint16_t port)
{
    return "http://127.0.0.1:" + std::to_string(port) + "/v1";
}

std::string key_hash(std::string_view key)
{
    return sluice::config::key_hash(key);
}

struct gateway::running {
    message ask(
        std::string_view method,
        std::string_view path,
        std::string_view body,
        std::string_view headers = {});
    // How often a change was answered before every worker had taken it up.
    [[nodiscard]] std::size_t late_changes();

    std::mutex mutex;
    std::string log_lines;
    sluice::observe::logger log{
        [this](std::string_view line) {
            const std::scoped_lock lock(mutex);
            log_lines += line;
        },
        [] { return clock::now(); }};
    std::optional<sluice::server::gateway> self;
    std::future<void> finished;
    connection admin;
};

gateway::gateway(const config& how)
    : directory_(temporary_directory()),
      running_(std::make_unique<running>())
{
    const auto path = directory_ + "/sluice.yaml";
    const auto text = in_directory(how.text(), directory_);
    std::ofstream(path) << text;
    const auto environment = sluice::config::process_environment();
    auto loaded = sluice::config::load(text, path, environment);
    for (const auto& complaint : loaded.complaints)
        std::cerr << sluice::config::to_string(complaint) << '\n';
    if (!loaded.document)
        throw failure("the test's configuration does not hold");
    sluice::server::gateway_options options;
    options.config_path = path;
    options.environment = environment;
    options.handle_signals = false;
    std::promise<void> ready;
    options.on_ready = [&ready] { ready.set_value(); };
    auto& self = running_->self;
    self.emplace(std::move(options), std::move(*loaded.document), running_->log);
    running_->finished = std::async(std::launch::async, [&self] { self->run(); });
    if (ready.get_future().wait_for(patience) != std::future_status::ready)
        throw failure("the gateway does not start");
}

gateway::~gateway()
{
    stop();
    stop();
    if (!stopped()) {
        std::cerr << "the gateway does not stop: " << running_->log_lines << '\n';
        std::abort();
    }
    running_->self.reset();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
    if (running_->log_lines.find("this is a bug") != std::string::npos) {
        std::cerr << running_->log_lines;
        std::abort();
    }
}

std::uint16_t gateway::port(std::size_t listener) const
{
    return running_->self->listening().at(listener).port;
}

void gateway::stop()
{
    running_->self->stop();
}

bool gateway::stopped(milliseconds within)
{
    return running_->finished.wait_for(within) == std::future_status::ready;
}

bool gateway::logs(std::string_view part) const
{
    for (const auto until = clock::now() + patience; clock::now() < until;) {
        {
            const std::scoped_lock lock(running_->mutex);
            if (running_->log_lines.find(part) != std::string::npos)
                return true;
        }
        std::this_thread::yield();
    }
    return false;
}

message gateway::reload(const config& next)
{
    std::ofstream(directory_ + "/sluice.yaml") << in_directory(next.text(), directory_);
    return admin("POST", "/admin/v1/reload");
}

message gateway::running::ask(
    std::string_view method, std::string_view path, std::string_view body, std::string_view headers)
{
    if (admin.descriptor() < 0)
        admin = connection::to(self->admin_port());
    std::string text(method);
    text += " " + std::string(path) + " HTTP/1.1\r\nhost: localhost\r\n" + std::string(headers)
            + "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
    admin.send(text);
    auto answer = admin.answer();
    if (answer.header("connection") == "close")
        admin.close();
    return answer;
}

std::size_t gateway::running::late_changes()
{
    const std::scoped_lock lock(mutex);
    std::size_t count = 0;
    for (auto at = log_lines.find("config_late"); at != std::string::npos;
         at = log_lines.find("config_late", at + 1))
        ++count;
    return count;
}

message gateway::admin(
    std::string_view method, std::string_view path, std::string_view body, std::string_view headers)
{
    auto late = running_->late_changes();
    auto answer = running_->ask(method, path, body, headers);
    // A worker that is held up is waited for a second only; but for that the answer to any POST is
    // kept back as well.
    const auto until = clock::now() + patience;
    while (running_->late_changes() > late && clock::now() < until) {
        late = running_->late_changes();
        (void)running_->ask("POST", "/livez", {});
    }
    return answer;
}

double gateway::metric(std::string_view name, std::initializer_list<std::string_view> labels)
{
    const auto text = admin("GET", "/metrics").body;
    double sum = 0;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find('\n', at), text.size());
        const auto line = std::string_view(text).substr(at, end - at);
        at = end + 1;
        const bool named = line.starts_with(name) && line.size() > name.size()
                           && (line[name.size()] == '{' || line[name.size()] == ' ');
        bool labelled = named;
        for (const auto label : labels)
            labelled = labelled && line.find(label) != std::string_view::npos;
        if (labelled)
            sum += std::strtod(std::string(line.substr(line.rfind(' '))).c_str(), nullptr);
    }
    return sum;
}

bool gateway::becomes(
    std::string_view name, std::initializer_list<std::string_view> labels, double value)
{
    return comes_to_hold([&] { return metric(name, labels) == value; });
}

double gateway::settled(std::string_view name, std::initializer_list<std::string_view> labels)
{
    if (!becomes("sluice_in_flight_requests", {}, 0))
        throw failure("requests are still in flight");
    return metric(name, labels);
}

std::vector<std::string> gateway::access_lines(std::size_t count) const
{
    const auto path = directory_ + "/access.log";
    const int watching = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    ::inotify_add_watch(watching, directory_.c_str(), IN_MODIFY | IN_CREATE);
    const auto until = clock::now() + patience;
    auto lines = lines_of(path);
    while (lines.size() < count && clock::now() < until) {
        pollfd changed{watching, POLLIN, 0};
        if (::poll(&changed, 1, 1000) > 0) {
            std::array<char, 4096> events;
            [[maybe_unused]] const auto read = ::read(watching, events.data(), events.size());
        }
        lines = lines_of(path);
    }
    ::close(watching);
    if (lines.size() < count)
        throw failure("the access log has only " + std::to_string(lines.size()) + " lines");
    return lines;
}

std::string chat_body(std::string_view more, std::string_view model)
{
    std::string made = R"({"model":")";
    made.append(model).append("\",").append(more);
    made += R"("messages":[{"role":"user","content":"hi"}]})";
    return made;
}

std::string post_text(std::string_view body, std::string_view fields, std::string_view path)
{
    std::string made = "POST ";
    made.append(path).append(" HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\n");
    made.append(fields).append("content-length: ").append(std::to_string(body.size()));
    return made.append("\r\n\r\n").append(body);
}

std::string get_text(std::string_view path, std::string_view fields)
{
    std::string made = "GET ";
    made.append(path).append(" HTTP/1.1\r\nhost: gateway\r\n").append(fields);
    return made.append("\r\n");
}

std::string chat_text(std::string_view more, std::string_view fields)
{
    return post_text(chat_body(more), fields);
}

}  // namespace loopback
