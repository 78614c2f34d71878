#include <sluice/net/gate.hpp>
#include <sluice/net/stream.hpp>
#include <sluice/net/task.hpp>

#include <boost/asio/detail/concurrency_hint.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <exception>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(streams)

namespace {

using sluice::time_point;
using namespace sluice::net;

// Without certificates.
tls_context anonymous(const SSL_METHOD* method)
{
    tls_context made(SSL_CTX_new(method), ssl_ctx_free{});
    SSL_CTX_set_max_proto_version(made.get(), TLS1_2_VERSION);
    BOOST_REQUIRE(SSL_CTX_set_cipher_list(made.get(), "AECDH-AES128-SHA:@SECLEVEL=0") == 1);
    SSL_CTX_set_read_ahead(made.get(), 1);
    return made;
}

// One end of an encrypted connection, known to be quiet, and its peer.
struct fixture {
    boost::asio::io_context context{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
        context.get_executor()};
    reactor loop{context};
    gate all{[](std::exception_ptr what) { std::rethrow_exception(std::move(what)); }};
    tls_context ours = anonymous(TLS_server_method());
    tls_context theirs = anonymous(TLS_client_method());
    int descriptor = -1;
    ssl_ptr peer{SSL_new(theirs.get())};
    stream one{connected()};

    // Without a goodbye to nobody, which would be a SIGPIPE.
    ~fixture()
    {
        one.abort();
        ::close(descriptor);
    }

    stream connected()
    {
        std::array<int, 2> ends{};
        BOOST_REQUIRE(
            ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
        descriptor = ends[1];
        SSL_set_fd(peer.get(), descriptor);
        SSL_set_connect_state(peer.get());
        auto ssl = make_server_ssl(ours, ends[0]);
        for (bool done = false; !done;) {
            const int mine = SSL_do_handshake(ssl.get());
            done = SSL_do_handshake(peer.get()) == 1 && mine == 1;
        }
        stream made(sluice::net::socket::adopt(loop, ends[0]), std::move(ssl));
        run();
        std::array<char, 16> octets;
        BOOST_REQUIRE((made.receive(octets).status == io::again));
        return made;
    }

    // What is there to be done now.
    void run()
    {
        context.restart();
        context.poll();
    }
};

task<> receive_when_readable(stream& from, std::vector<std::size_t>& answers)
{
    while (answers.empty()) {
        (void)co_await from.readable(time_point::max());
        std::array<char, 16> octets;
        const auto got = from.receive(octets);
        if (got.status == io::ok)
            answers.push_back(got.bytes);
    }
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(who_looks_takes_no_octets_from_who_waits_for_them, fixture)
{
    std::vector<std::size_t> answers;
    all.spawn(receive_when_readable(one, answers));
    run();
    BOOST_REQUIRE(SSL_write(peer.get(), "ask", 3) == 3);
    BOOST_TEST((one.look() == stream::presence::data));
    run();
    BOOST_TEST((answers == std::vector<std::size_t>{3}));
    one.socket().interrupt();
    run();
}

BOOST_FIXTURE_TEST_CASE(part_of_a_record_is_waited_for, fixture)
{
    std::vector<std::size_t> answers;
    BIO* const memory = BIO_new(BIO_s_mem());
    SSL_set0_wbio(peer.get(), memory);
    BOOST_REQUIRE(SSL_write(peer.get(), "ask", 3) == 3);
    std::array<char, 100> record;
    const int size = BIO_read(memory, record.data(), record.size());
    BOOST_REQUIRE(size > 10);
    BOOST_REQUIRE(::send(descriptor, record.data(), 10, MSG_NOSIGNAL) == 10);
    all.spawn(receive_when_readable(one, answers));
    run();
    BOOST_TEST(answers.empty());
    const auto rest = static_cast<std::size_t>(size) - 10;
    BOOST_REQUIRE(::send(descriptor, record.data() + 10, rest, MSG_NOSIGNAL) > 0);
    run();
    BOOST_TEST((answers == std::vector<std::size_t>{3}));
}

BOOST_AUTO_TEST_SUITE_END()
