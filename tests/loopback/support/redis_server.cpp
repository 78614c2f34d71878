#include "redis_server.hpp"

#include "connection.hpp"
#include <sluice/net/redis_reply.hpp>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <random>
#include <spawn.h>
#include <stdexcept>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace loopback {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

constexpr int tries = 5;

tcp::endpoint at(std::uint16_t port)
{
    return {asio::ip::make_address("127.0.0.1"), port};
}

// A node of a cluster listens on this port and on the one so far above.
constexpr std::uint16_t to_bus = 10'000;

bool is_free(std::uint16_t port)
{
    asio::io_context context;
    tcp::acceptor acceptor(context, tcp::v4());
    boost::system::error_code taken;
    acceptor.bind(at(port), taken);
    return !taken;
}

// Both below what the system gives to whoever connects: nobody takes them before the server does.
std::uint16_t free_port()
{
    std::random_device draw;
    std::uniform_int_distribution<std::uint16_t> some(10'240, 22'000);
    for (;;) {
        const auto port = some(draw);
        if (is_free(port) && is_free(port + to_bus))
            return port;
    }
}

pid_t spawn(const std::vector<std::string>& words)
{
    std::vector<char*> arguments;
    for (const auto& word : words)
        arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t files{};
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    // A socket it inherited would stay in this process' epoll set after it is closed here.
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    pid_t pid = -1;
    const int failed =
        posix_spawnp(&pid, arguments.front(), &files, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&files);
    return failed != 0 ? -1 : pid;
}

}  // namespace

bool redis_server::installed()
{
    constexpr std::array folders{"/usr/bin", "/usr/local/bin", "/bin"};
    for (const auto* folder : folders)
        if (std::filesystem::exists(std::string(folder) + "/redis-server"))
            return true;
    return false;
}

redis_server::redis_server(std::vector<std::string> options)
    : options_(std::move(options))
{
    auto name = (std::filesystem::temp_directory_path() / "sluice-redis-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
        throw std::runtime_error("there is no directory for redis-server");
    directory_ = name;
    // Another process may take the port in between: then another one is tried.
    for (int i = 0; i < tries; ++i) {
        port_ = free_port();
        tls_port_ = free_port();
        if (run())
            return;
    }
    throw std::runtime_error("redis-server does not start");
}

redis_server::~redis_server()
{
    kill();
    std::filesystem::remove_all(directory_);
}

bool redis_server::run()
{
    // It ends with this process, also when that crashes.
    std::vector<std::string> words = {
        "setpriv",
        "--pdeathsig",
        "KILL",
        "redis-server",
        "--bind",
        "127.0.0.1",
        "--port",
        std::to_string(port_),
        "--dir",
        directory_,
        "--save",
        "",
        "--appendonly",
        "no",
        "--enable-debug-command",
        "local",
        "--loglevel",
        "warning"};
    for (const auto& option : options_) {
        words.push_back(option);
        if (option == "--tls-port")
            words.push_back(std::to_string(tls_port_));
    }
    pid_ = spawn(words);
    const auto until = std::chrono::steady_clock::now() + patience;
    while (pid_ > 0 && std::chrono::steady_clock::now() < until) {
        if (answers())
            return true;
        if (::waitpid(pid_, nullptr, WNOHANG) == pid_)
            pid_ = -1;
        // exception: a process that starts tells nobody; asked again until it is there
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
}

// It listens before it has all of its ports, and may end yet.
bool redis_server::answers() const
{
    try {
        (void)tell({"PING"});
        return true;
    } catch (const std::exception&) {
        return false;
    }
}

void redis_server::freeze() const
{
    ::kill(pid_, SIGSTOP);
}

void redis_server::thaw() const
{
    ::kill(pid_, SIGCONT);
}

void redis_server::kill()
{
    if (pid_ <= 0)
        return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
}

void redis_server::start()
{
    if (!run())
        throw std::runtime_error("redis-server does not start again");
}

std::string redis_server::tell(const std::vector<std::string>& words) const
{
    asio::io_context context;
    tcp::socket socket(context);
    socket.connect(at(port_));
    asio::write(socket, asio::buffer(sluice::net::redis_command(words)));
    sluice::net::redis_reader reader(std::size_t{1} << 20U);
    std::string all;
    for (;;) {
        std::array<char, 4'096> bytes{};
        const auto size = socket.read_some(asio::buffer(bytes));
        all.append(bytes.data(), size);
        reader.feed({bytes.data(), size});
        if (reader.next())
            return all.substr(0, all.size() - 2);
        if (!reader.broken().empty())
            throw std::runtime_error("redis-server answers with no reply");
    }
}

}  // namespace loopback
