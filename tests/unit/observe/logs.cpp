#include "temporary_directory.hpp"
#include <sluice/observe/audit_log.hpp>
#include <sluice/observe/log.hpp>

#include <boost/test/unit_test.hpp>

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

BOOST_AUTO_TEST_SUITE(written)

namespace {

using namespace sluice;
using namespace sluice::observe;

struct log_fixture {
    std::vector<std::string> lines;
    time_point now{seconds{1000}};
    logger log{[this](std::string_view line) { lines.emplace_back(line); }, [this] { return now; }};
};

BOOST_FIXTURE_TEST_SUITE(logger_, log_fixture)

BOOST_AUTO_TEST_CASE(a_line_is_one_json_object)
{
    log.warn(
        "reload_failed",
        "the old \"snapshot\" stays\n",
        {{"file", "a.yaml"},
         {"line", std::int64_t{-3}},
         {"version", std::uint64_t{7}},
         {"dry", true}});
    BOOST_REQUIRE(lines.size() == 1U);
    BOOST_TEST(lines[0].starts_with("{\"time\":\"20"));
    BOOST_TEST(lines[0].ends_with(
        R"("level":"warn","event":"reload_failed",)"
        R"("message":"the old \"snapshot\" stays\u000a","file":"a.yaml","line":-3,)"
        R"("version":7,"dry":true})"
        "\n"));
}

BOOST_AUTO_TEST_CASE(a_storm_writes_ten_lines_and_one_more_every_ten_seconds)
{
    for (int i = 0; i < 100'000; ++i)
        log.error("redis_gone", "cannot connect");
    BOOST_TEST(lines.size() == 10U);
    BOOST_TEST(log.dropped() == 99'990U);
    now += seconds{10};
    log.error("redis_gone", "cannot connect");
    log.error("redis_gone", "cannot connect");
    BOOST_REQUIRE(lines.size() == 11U);
    BOOST_TEST(lines[10].find("\"suppressed\":99990") != std::string::npos);
    now += seconds{1000};
    for (int i = 0; i < 100; ++i)
        log.error("redis_gone", "cannot connect");
    BOOST_TEST(lines.size() == 21U);
}

BOOST_AUTO_TEST_CASE(a_storm_of_one_event_leaves_the_others_heard)
{
    for (int i = 0; i < 1000; ++i)
        log.error("redis_gone", "cannot connect");
    log.info("redis_gone", "another level");
    log.error("disk_full", "another event");
    BOOST_TEST(lines.size() == 12U);
}

BOOST_AUTO_TEST_CASE(events_beyond_the_bound_share_one_allowance)
{
    for (int i = 0; i < 100'000; ++i)
        log.info(std::to_string(i), "invented");
    BOOST_TEST(lines.size() == logger::max_events + 10);
}

BOOST_AUTO_TEST_SUITE_END()

audit_entry entry(std::uint64_t version)
{
    return {
        .actor = "admin",
        .remote = "127.0.0.1",
        .action = "set_canary",
        .path = "/admin/v1/models/gpt-4o/canary",
        .from = "{\"percent\":5}",
        .to = "{\"percent\":12.5}",
        .version = version,
    };
}

bool has_version(const std::string& line, std::uint64_t version)
{
    return line.ends_with(",\"version\":" + std::to_string(version) + "}");
}

BOOST_FIXTURE_TEST_SUITE(audit_log_, temporary_directory)

BOOST_AUTO_TEST_CASE(the_newest_entry_comes_first)
{
    audit_log log(file("audit.log"));
    BOOST_TEST(log.recent(10).empty());
    for (std::uint64_t i = 1; i <= 5; ++i)
        BOOST_TEST(!log.append(entry(i)));
    const auto recent = log.recent(2);
    BOOST_REQUIRE(recent.size() == 2U);
    BOOST_TEST(has_version(recent[0], 5));
    BOOST_TEST(has_version(recent[1], 4));
    BOOST_TEST(log.recent(0).empty());
    BOOST_TEST(log.recent(100).size() == 5U);
    BOOST_TEST(
        recent[0].ends_with(R"("actor":"admin","remote":"127.0.0.1","action":"set_canary",)"
                            R"("path":"/admin/v1/models/gpt-4o/canary","from":"{\"percent\":5}",)"
                            R"("to":"{\"percent\":12.5}","version":5})"));
    struct stat facts{};
    BOOST_REQUIRE(::stat(file("audit.log").c_str(), &facts) == 0);
    BOOST_TEST((facts.st_mode & 0777U) == 0600U);
}

BOOST_AUTO_TEST_CASE(a_torn_last_line_is_passed_over_and_the_next_stands_alone)
{
    {
        audit_log log(file("audit.log"));
        BOOST_TEST(!log.append(entry(1)));
        BOOST_TEST(!log.append(entry(2)));
    }
    const std::string whole = text_of(file("audit.log"));
    const std::size_t second = whole.find('\n') + 1;
    for (std::size_t length = second + 1; length < whole.size() - 1; ++length) {
        std::ofstream(file("audit.log")) << whole.substr(0, length);
        audit_log log(file("audit.log"));
        BOOST_TEST(!log.append(entry(3)));
        const auto recent = log.recent(10);
        BOOST_REQUIRE(recent.size() == 2U);
        BOOST_TEST(has_version(recent[0], 3));
        BOOST_TEST(has_version(recent[1], 1));
    }
}

BOOST_AUTO_TEST_CASE(reading_is_bounded_in_a_long_file)
{
    audit_log log(file("audit.log"));
    const std::string long_text(20'000, '"');
    audit_entry large = entry(1);
    large.from = long_text;
    for (int i = 0; i < 120; ++i)
        BOOST_REQUIRE(!log.append(large));
    BOOST_TEST(!log.append(entry(2)));
    const auto recent = log.recent(1000);
    BOOST_TEST(recent.size() > 50U);
    BOOST_TEST(recent.size() < 70U);  // a MiB of entries of 16 KiB
    BOOST_TEST(has_version(recent[0], 2));
}

BOOST_AUTO_TEST_CASE(a_full_file_makes_room_and_the_one_before_it_is_kept)
{
    constexpr std::size_t max_bytes = 2000;
    audit_log log(file("audit.log"), max_bytes);
    BOOST_TEST(log.last_version() == 0U);
    for (std::uint64_t i = 1; i <= 100; ++i) {
        BOOST_REQUIRE(!log.append(entry(i)));
        BOOST_TEST(log.last_version() == i);
        const auto recent = log.recent(3);
        BOOST_TEST(recent.size() == std::min<std::size_t>(i, 3));
        BOOST_TEST(has_version(recent.back(), i < 3 ? 1 : i - 2));
    }
    BOOST_TEST(text_of(file("audit.log")).size() < max_bytes + 300);
    BOOST_TEST(text_of(file("audit.log.1")).size() < max_bytes + 300);
    BOOST_TEST(log.recent(100).size() > 8U);
    BOOST_TEST(!std::ifstream(file("audit.log.2")));
}

BOOST_AUTO_TEST_CASE(an_entry_that_cannot_be_written_leaves_the_file_as_it_was)
{
    audit_log log(file("audit.log"));
    BOOST_REQUIRE(!log.append(entry(1)));
    const std::string before = text_of(file("audit.log"));

    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    rlimit full = limit;
    full.rlim_cur = before.size() + 20;
    ::setrlimit(RLIMIT_FSIZE, &full);
    const auto handler = ::signal(SIGXFSZ, SIG_IGN);
    const std::error_code ec = log.append(entry(2));
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::signal(SIGXFSZ, handler);

    BOOST_TEST((ec == std::errc::file_too_large));
    BOOST_TEST(text_of(file("audit.log")) == before);
    BOOST_TEST(!log.append(entry(3)));
    BOOST_TEST(log.recent(10).size() == 2U);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written_is_lost_or_late_as_it_is_wanted)
{
    audit_log log(file("audit.log"), 1);  // each entry in a file of its own
    BOOST_TEST(!log.append(entry(1)));
    std::filesystem::create_directories(file("audit.log.1") + "/full");
    BOOST_TEST(!!log.append(entry(2)));
    BOOST_TEST(!log.late());
    BOOST_TEST(!!log.enter(entry(3)));
    BOOST_TEST(!!log.enter(entry(4)));
    BOOST_TEST(log.late());
    BOOST_TEST(!!log.write_late());
    const auto told = log.recent(10);
    BOOST_REQUIRE(told.size() == 3U);
    BOOST_TEST(has_version(told[0], 4));
    BOOST_TEST(has_version(told[2], 1));
    std::filesystem::remove_all(file("audit.log.1"));
    BOOST_TEST(!log.append(entry(5)));
    BOOST_TEST(!log.late());
    BOOST_TEST(has_version(log.recent(10).at(0), 5));
}

BOOST_AUTO_TEST_CASE(late_entries_are_written_before_newer_ones)
{
    {
        audit_log full(file("full.log"), 1);
        BOOST_TEST(!full.append(entry(1)));
        std::filesystem::create_directories(file("full.log.1") + "/full");
        BOOST_TEST(!!full.enter(entry(2)));
        BOOST_TEST(!!full.enter(entry(3)));
        std::filesystem::remove_all(file("full.log.1"));
        BOOST_TEST(!full.write_late());
        BOOST_TEST(!full.late());
    }
    audit_log log(file("full.log"));
    const auto kept = log.recent(10);
    BOOST_REQUIRE(kept.size() == 3U);
    BOOST_TEST(has_version(kept[0], 3));
    BOOST_TEST(has_version(kept[1], 2));
}

BOOST_AUTO_TEST_CASE(what_was_acknowledged_before_a_kill_is_there_after_it)
{
    int acknowledged[2];
    BOOST_REQUIRE(::pipe(acknowledged) == 0);
    const pid_t child = ::fork();
    BOOST_REQUIRE(child >= 0);
    if (child == 0) {
        audit_log log(file("audit.log"));
        for (std::uint64_t n = 1;; ++n)
            if (log.append(entry(n)) || ::write(acknowledged[1], &n, sizeof n) != sizeof n)
                ::_exit(1);
    }
    ::close(acknowledged[1]);
    std::uint64_t told = 0;
    for (int i = 0; i < 20; ++i)
        BOOST_REQUIRE(::read(acknowledged[0], &told, sizeof told) == sizeof told);
    ::kill(child, SIGKILL);
    BOOST_REQUIRE(::waitpid(child, nullptr, 0) == child);
    while (::read(acknowledged[0], &told, sizeof told) == sizeof told) {
    }
    ::close(acknowledged[0]);

    audit_log log(file("audit.log"));
    const auto recent = log.recent(100'000);
    BOOST_TEST(recent.size() >= told);
    for (std::size_t i = 0; i < recent.size(); ++i)
        BOOST_REQUIRE(has_version(recent[i], recent.size() - i));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace

BOOST_AUTO_TEST_SUITE_END()
