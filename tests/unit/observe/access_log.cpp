#include "temporary_directory.hpp"
#include <sluice/observe/access_log.hpp>

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <map>
#include <sys/resource.h>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <unistd.h>

BOOST_FIXTURE_TEST_SUITE(access_log_, sluice::temporary_directory)

namespace {

using namespace sluice;
using namespace sluice::observe;

access_record record(std::string_view id)
{
    access_record out;
    out.time = nanoseconds{1'798'761'599'999'000'000};
    out.request_id = id;
    out.model = "gpt-4o";
    out.status = 200;
    return out;
}

// A pipe nobody reads from yet, as a path a log can be pointed at.
struct stopped_reader {
    explicit stopped_reader(const std::string& where)
        : path(where)
    {
        BOOST_REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
        fd = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
        BOOST_REQUIRE(fd >= 0);
    }
    ~stopped_reader() { leave(); }
    stopped_reader(const stopped_reader&) = delete;
    stopped_reader& operator=(const stopped_reader&) = delete;

    void leave()
    {
        if (fd >= 0)
            ::close(fd);
        fd = -1;
    }
    // Appends what is there.
    void read_into(std::string& text) const
    {
        std::array<char, 65'536> piece;
        for (ssize_t got = 0; (got = ::read(fd, piece.data(), piece.size())) > 0;)
            text.append(piece.data(), static_cast<std::size_t>(got));
    }

    std::string path;
    int fd = -1;
};

std::size_t count_lines(std::string_view text)
{
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

BOOST_AUTO_TEST_CASE(a_line_tells_everything_known_about_a_request)
{
    {
        access_log log({.path = file("log")});
        access_record all = record("req-\"1\"");
        all.trace_id = "0af7651916cd43dd8448eb211c80319c";
        all.client = "192.0.2.7";
        all.method = "POST";
        all.path = "/v1/chat/completions";
        all.answered_by = "kimi-k2";
        all.target = "canary";
        all.arm = "canary";
        all.outcome = "hedge";
        all.tags = "feature=search";
        all.provider = "relay";
        all.key_id = "team";
        all.tenant = "search";
        all.error = "upstream_reset";
        all.end = "upstream_reset";
        all.finish = "tool_calls";
        all.stream = true;
        all.attempts = 2;
        all.bytes_in = 1024;
        all.bytes_out = 2048;
        all.usage_known = true;
        all.input_tokens = 10;
        all.cached_input_tokens = 4;
        all.output_tokens = 20;
        all.reasoning_tokens = 5;
        all.cache_write_tokens = 2;
        all.estimated = true;
        all.nanodollars = 12'000'000'345;
        all.duration = nanoseconds{1'234'567'890};
        all.first_token = milliseconds{120};
        all.queued = milliseconds{30};
        all.overhead = {nanoseconds{1500}, nanoseconds{2500}, milliseconds{3}, nanoseconds{40'000}};
        all.config_version = 42;
        log.write(0, all);
        log.write(0, record("least"));
        BOOST_TEST(log.flush());
        BOOST_TEST(log.dropped() == 0U);
    }
    BOOST_TEST(
        text_of(file("log"))
        == R"({"time":"2026-12-31T23:59:59.999Z","request_id":"req-\"1\"",)"
           R"("trace_id":"0af7651916cd43dd8448eb211c80319c","client":"192.0.2.7","method":"POST",)"
           R"("path":"/v1/chat/completions","model":"gpt-4o","answered_by":"kimi-k2","target":"canary","arm":"canary",)"
           R"("provider":"relay","key":"team","tenant":"search","outcome":"hedge","tags":"feature=search","status":200,)"
           R"("error":"upstream_reset","stream":true,"end":"upstream_reset",)"
           R"("finish":"tool_calls","attempts":2,"bytes_in":1024,"bytes_out":2048,"input_tokens":10,"cached_input_tokens":4,)"
           R"("output_tokens":20,"reasoning_tokens":5,"cache_write_tokens":2,"estimated":true,"cost_usd":12.000000345,"duration_ms":1234.567,)"
           R"("first_token_ms":120.000,"queue_ms":30.000,"read_ms":0.001,"decide_ms":0.002,)"
           R"("connect_ms":3.000,"relay_ms":0.040,"config":42})"
           "\n"
           R"({"time":"2026-12-31T23:59:59.999Z","request_id":"least","model":"gpt-4o",)"
           R"("status":200,"stream":false,"attempts":0,"bytes_in":0,"bytes_out":0,)"
           R"("duration_ms":0.000,"config":0})"
           "\n");
}

BOOST_AUTO_TEST_CASE(the_longest_line_stays_whole)
{
    const std::string junk(100'000, '\n');
    {
        access_log log({.path = file("log")});
        access_record all = record(junk);
        all.trace_id = all.client = all.method = all.path = all.model = all.target = all.arm = junk;
        all.provider = all.key_id = all.tenant = all.error = all.end = all.finish = junk;
        all.answered_by = all.outcome = all.tags = junk;
        all.duration = nanoseconds::max();
        all.bytes_in = all.bytes_out = ~std::uint64_t{0};
        log.write(0, all);
    }
    const auto lines = lines_of(file("log"));
    BOOST_REQUIRE(lines.size() == 1U);
    BOOST_TEST(lines[0].size() < 4096U);  // a pipe takes it at once
    BOOST_TEST(lines[0].ends_with("\"config\":0}"));
}

// A ledger is made again from it: what the configuration lets be long stands there as it is.
BOOST_AUTO_TEST_CASE(the_longest_names_of_models_and_tags_are_whole)
{
    const std::string longest(256, 'm');
    {
        access_log log({.path = file("log")});
        const std::string id(128, 'r');
        access_record all = record(id);
        all.model = all.answered_by = all.tags = longest;
        log.write(0, all);
    }
    const auto line = text_of(file("log"));
    for (const std::string_view name : {"model", "answered_by", "tags"})
        BOOST_TEST(
            line.find('"' + std::string(name) + "\":\"" + longest + '"') != std::string::npos,
            line);
}

// Four workers, each line once and in its worker's order, none torn.
BOOST_AUTO_TEST_CASE(lines_of_several_workers_are_all_there)
{
    constexpr std::size_t each = 5'000;
    std::uint64_t dropped = 0;
    {
        access_log log({.path = file("log"), .workers = 4, .ring_bytes = std::size_t{4} << 20U});
        std::vector<std::jthread> workers;
        for (std::size_t worker = 0; worker < 4; ++worker)
            workers.emplace_back([&log, worker] {
                for (std::size_t i = 0; i < each; ++i)
                    log.write(worker, record(std::to_string(worker) + ":" + std::to_string(i)));
            });
        workers.clear();
        BOOST_TEST(log.flush(milliseconds{20'000}));
        dropped = log.dropped();
    }
    BOOST_TEST(dropped == 0U);
    std::map<char, std::size_t> next;
    const auto lines = lines_of(file("log"));
    BOOST_TEST(lines.size() == 4 * each);
    for (const std::string& line : lines) {
        const auto at = line.find("\"request_id\":\"");
        BOOST_REQUIRE(at != std::string::npos);
        const std::string id = line.substr(at + 14, line.find('"', at + 14) - at - 14);
        BOOST_REQUIRE(id == std::string(1, id[0]) + ":" + std::to_string(next[id[0]]++));
        BOOST_REQUIRE(line.ends_with("\"config\":0}"));
    }
}

BOOST_AUTO_TEST_CASE(a_stopped_reader_costs_lines_and_never_time)
{
    stopped_reader reader(file("pipe"));
    std::string text;
    std::size_t sent = 0;
    std::uint64_t dropped = 0;
    {
        access_log log({.path = reader.path, .ring_bytes = 16'384});
        // Until the pipe is full.
        bool flushed = true;
        for (int round = 0; round < 100 && flushed; ++round) {
            for (int i = 0; i < 2'000; ++i, ++sent)
                log.write(0, record("x"));
            flushed = log.flush(milliseconds{10});
        }
        BOOST_TEST(!flushed);
        BOOST_TEST(log.dropped() > sent / 2);
        // The reader goes on, and so does the log.
        for (int i = 0; i < 200 && !log.flush(milliseconds{10}); ++i)
            reader.read_into(text);
        dropped = log.dropped();
        log.write(0, record("after the storm"));
        BOOST_TEST(log.flush());
        BOOST_TEST(log.dropped() == dropped);
    }
    reader.read_into(text);
    BOOST_TEST(count_lines(text) + dropped == sent + 1);
    BOOST_TEST(text.find("after the storm") != std::string::npos);
    BOOST_TEST(text.find("}{") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_reader_that_left_costs_lines_and_nothing_else)
{
    stopped_reader reader(file("pipe"));
    access_log log({.path = reader.path});
    reader.leave();
    log.write(0, record("lost"));
    BOOST_TEST(log.flush());
    BOOST_TEST(log.dropped() == 1U);
}

// A file that may not grow any more, as on a full disk.
struct size_limit {
    explicit size_limit(rlim_t bytes)
    {
        ::getrlimit(RLIMIT_FSIZE, &before);
        rlimit now = before;
        now.rlim_cur = bytes;
        ::setrlimit(RLIMIT_FSIZE, &now);
        handler = std::signal(SIGXFSZ, SIG_IGN);
    }
    ~size_limit()
    {
        ::setrlimit(RLIMIT_FSIZE, &before);
        std::signal(SIGXFSZ, handler);
    }
    size_limit(const size_limit&) = delete;
    size_limit& operator=(const size_limit&) = delete;

    rlimit before{};
    void (*handler)(int) = nullptr;
};

BOOST_AUTO_TEST_CASE(a_full_disk_costs_lines_and_the_log_recovers_by_itself)
{
    std::uint64_t dropped = 0;
    {
        access_log log({.path = file("log")});
        {
            const size_limit full(1000);  // in the middle of a line
            for (int i = 0; i < 10; ++i)
                log.write(0, record("early"));
            BOOST_TEST(log.flush());
            log.write(0, record("lost"));
            BOOST_TEST(log.flush());
            dropped = log.dropped();
            BOOST_TEST(dropped >= 2U);
        }
        log.write(0, record("late"));
        BOOST_TEST(log.flush());
        BOOST_TEST(log.dropped() == dropped);
    }
    const auto lines = lines_of(file("log"));
    std::size_t whole = 0;
    for (const std::string& line : lines)
        whole += line.ends_with("\"config\":0}") ? 1 : 0;
    BOOST_TEST(whole + dropped == 12U);
    BOOST_TEST(lines.size() == whole + 1);  // the torn one stands alone
    BOOST_TEST(lines.back().find("late") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_the_last_process_left_torn_takes_no_line_along)
{
    std::ofstream(file("log")) << R"({"time":"torn)";
    {
        access_log log({.path = file("log")});
        log.write(0, record("one"));
        BOOST_TEST(log.flush());
        // Opened again, once where it was and once moved away.
        log.reopen(file("log"));
        log.write(0, record("two"));
        BOOST_TEST(log.flush());
        std::ofstream(file("log"), std::ios::app) << R"({"time":"torn too)";
        log.reopen(file("log"));
        log.write(0, record("three"));
        BOOST_TEST(log.flush());
        std::filesystem::rename(file("log"), file("log.1"));
        log.reopen(file("log"));
        log.write(0, record("four"));
        BOOST_TEST(log.flush());
    }
    const auto lines = lines_of(file("log.1"));
    BOOST_TEST_REQUIRE(lines.size() == 5U);
    BOOST_TEST(lines[0] == R"({"time":"torn)");
    for (const std::size_t whole : {1U, 2U, 4U})
        BOOST_TEST(lines[whole].starts_with(R"({"time":"2026)"), lines[whole]);
    BOOST_TEST(text_of(file("log")).starts_with(R"({"time":"2026)"));
}

BOOST_AUTO_TEST_CASE(after_a_rotation_lines_go_to_the_new_file)
{
    access_log log({.path = file("log")});
    log.write(0, record("one"));
    BOOST_TEST(log.flush());
    std::filesystem::rename(file("log"), file("log.1"));
    log.write(0, record("two"));
    BOOST_TEST(log.flush());
    log.reopen(file("log"));
    log.write(0, record("three"));
    BOOST_TEST(log.flush());
    BOOST_TEST(lines_of(file("log.1")).size() == 2U);
    BOOST_TEST(lines_of(file("log")).size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_reopened_leaves_the_old_one_in_use)
{
    access_log log({.path = file("log")});
    log.reopen(file("missing/log"));
    log.write(0, record("one"));
    BOOST_TEST(log.flush());
    BOOST_TEST(lines_of(file("log")).size() == 1U);
    BOOST_TEST(log.complaint().find("missing/log") != std::string::npos);
    std::filesystem::create_directory(file("missing"));
    log.write(0, record("two"));
    BOOST_TEST(log.flush());
    BOOST_TEST(log.flush());
    BOOST_TEST(log.complaint() == "");
    BOOST_TEST(std::filesystem::exists(file("missing/log")));
}

BOOST_AUTO_TEST_CASE(a_log_that_is_off_can_be_turned_on)
{
    access_log log({.path = "off"});
    log.write(0, record("unheard"));
    BOOST_TEST(log.flush());
    log.reopen(file("log"));
    BOOST_TEST(log.flush());
    log.write(0, record("heard"));
    BOOST_TEST(log.flush());
    log.reopen("off");
    BOOST_TEST(log.flush());
    log.write(0, record("unheard again"));
    BOOST_TEST(log.flush());
    BOOST_TEST(lines_of(file("log")).size() == 1U);
    BOOST_TEST(log.dropped() == 0U);
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_opened_at_start_is_an_exception)
{
    BOOST_CHECK_THROW(access_log({.path = file("missing/log")}), std::system_error);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
