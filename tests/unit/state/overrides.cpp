#include <sluice/state/overrides.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <signal.h>
#include <sstream>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

BOOST_AUTO_TEST_SUITE(on_disk)

namespace {

using namespace sluice;

struct fixture {
    fixture()
    {
        std::string name =
            (std::filesystem::temp_directory_path() / "sluice-state-XXXXXX").string();
        BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
        base = name;
    }
    ~fixture() { std::filesystem::remove_all(base); }
    fixture(const fixture&) = delete;
    fixture& operator=(const fixture&) = delete;

    std::string base;
};

unsigned mode_of(const std::string& path)
{
    struct stat facts{};
    BOOST_REQUIRE(::stat(path.c_str(), &facts) == 0);
    return facts.st_mode & 0777U;
}

std::string text_of(const std::string& path)
{
    std::ifstream in(path);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

void put(const std::string& path, std::string_view text)
{
    std::ofstream(path) << text;
}

// Every weight of version n is n, so that a mixture of two versions would show.
config::overrides of_version(std::uint64_t n)
{
    config::overrides all;
    for (int model = 0; model < 200; ++model)
        all.weights["model-" + std::to_string(model)] = {
            {"stable", static_cast<double>(n)},
            {"canary", static_cast<double>(n)},
        };
    return all;
}

bool refused(const std::string& path, std::string_view because)
{
    try {
        const state::directory second(path);
        return false;
    } catch (const std::runtime_error& failure) {
        const std::string what = failure.what();
        BOOST_TEST_MESSAGE(what);
        return what.find(path) != std::string::npos && what.find(because) != std::string::npos;
    }
}

BOOST_FIXTURE_TEST_SUITE(state_directory_, fixture)

BOOST_AUTO_TEST_CASE(a_missing_directory_is_made_for_this_user_alone)
{
    const state::directory made(base + "/var/lib/sluice/");
    BOOST_TEST(made.path() == base + "/var/lib/sluice");
    BOOST_TEST(mode_of(made.path()) == 0700U);
    BOOST_TEST(mode_of(made.file("lock")) == 0600U);
    BOOST_TEST(!std::filesystem::exists(made.file(".probe")));
}

BOOST_AUTO_TEST_CASE(two_gateways_cannot_share_a_directory)
{
    {
        const state::directory first(base);
        BOOST_TEST(refused(base, "another gateway"));
    }
    const state::directory again(base);
    BOOST_TEST(again.path() == base);
}

BOOST_AUTO_TEST_CASE(a_directory_that_was_taken_away_is_not_ours_any_more)
{
    const std::string path = base + "/state";
    state::directory tested(path);
    BOOST_TEST(tested.is_ours());
    std::filesystem::rename(path, path + ".away");
    BOOST_TEST(!tested.is_ours());
    const state::directory others(path);
    BOOST_TEST(others.is_ours());
    BOOST_TEST(!tested.is_ours());
}

BOOST_AUTO_TEST_CASE(a_file_in_its_place_is_refused)
{
    put(base + "/taken", "x");
    BOOST_TEST(refused(base + "/taken", "not a directory"));
    BOOST_TEST(refused(base + "/taken/below", "cannot be created"));
}

BOOST_AUTO_TEST_CASE(a_directory_that_cannot_be_written_is_refused)
{
    // A kernel file system refuses files even to root.
    BOOST_TEST(refused("/proc/self", "cannot be written"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(override_store_, fixture)

BOOST_AUTO_TEST_CASE(what_was_saved_is_loaded)
{
    const state::directory where(base);
    state::override_store store(where);
    BOOST_TEST(store.load().complaint == "");
    BOOST_TEST(store.load().saved.version == 0U);

    config::overrides changes;
    changes.weights["gpt-4o"] = {{"stable", 87.5}, {"canary", 12.5}};
    changes.weights["ein \"Name\"\n\\ mit ü"] = {{"a\tb", 0.1}, {"", 1e-9}};
    changes.weights["none"] = {};
    changes.breakers["gpt-4o"] = {
        {"stable", policy::breaker::control::closed}, {"canary", policy::breaker::control::open}};
    changes.aside["gpt-4o"] = {{"stable", 60}, {"canary", 40}};
    changes.breakers["ein \"Name\""] = {{"a\tb", policy::breaker::control::open}};
    BOOST_TEST(!store.save(changes, 7));
    const auto loaded = store.load();
    BOOST_TEST(loaded.complaint == "");
    BOOST_TEST(loaded.saved.version == 7U);
    BOOST_TEST((loaded.saved.overrides == changes));
    BOOST_TEST(mode_of(where.file("overrides.json")) == 0600U);
    BOOST_TEST(!std::filesystem::exists(where.file("overrides.json.next")));
}

BOOST_AUTO_TEST_CASE(a_torn_file_is_kept_aside_and_told_about)
{
    const state::directory where(base);
    state::override_store store(where);
    BOOST_REQUIRE(!store.save(of_version(3), 3));
    const std::string whole = text_of(where.file("overrides.json"));
    for (std::size_t length :
         {std::size_t{0}, std::size_t{1}, whole.size() / 2, whole.size() - 2}) {
        put(where.file("overrides.json"), whole.substr(0, length));
        const auto loaded = store.load();
        BOOST_TEST(loaded.complaint.find("overrides.json.corrupt") != std::string::npos);
        BOOST_TEST(loaded.saved.overrides.weights.empty());
        BOOST_TEST(text_of(where.file("overrides.json.corrupt")).size() == length);
        BOOST_TEST(!std::filesystem::exists(where.file("overrides.json")));
        BOOST_TEST(store.load().complaint == "");
        std::filesystem::remove(where.file("overrides.json.corrupt"));
    }
}

BOOST_AUTO_TEST_CASE(anything_but_a_list_of_live_changes_is_refused)
{
    for (const char* text :
         {"null",
          "[]",
          "{}",
          R"({"format":2,"version":1,"weights":{}})",
          R"({"format":1,"version":-1,"weights":{}})",
          R"({"format":1,"version":1,"weights":[]})",
          R"({"format":1,"version":1,"weights":{"m":[]}})",
          R"({"format":1,"version":1,"weights":{"m":{"a":"5"}}})",
          R"({"format":1,"version":1,"weights":{"m":{"a":-5}}})",
          R"({"format":1,"version":1,"weights":{"m":{"a":1e999}}})",
          "{\"format\":1,\"version\":1,\"weights\":{\"\xff\":{}}}",
          R"({"format":1,"version":1,"weights":{},"aside":[]})",
          R"({"format":1,"version":1,"weights":{},"aside":{"m":{"a":-5}}})",
          R"({"format":1,"version":1,"weights":{},"breakers":[]})",
          R"({"format":1,"version":1,"weights":{},"breakers":{"m":"open"}})",
          R"({"format":1,"version":1,"weights":{},"breakers":{"m":{"a":true}}})",
          R"({"format":1,"version":1,"weights":{},"breakers":{"m":{"a":"automatic"}}})",
          R"({"format":1,"version":1,"weights":{}} {})"})
        BOOST_TEST(!state::overrides_from_json(text).has_value(), text);
    BOOST_TEST(state::overrides_from_json(R"({"format":1,"version":1,"weights":{"m":{"a":5}}})")
                   .has_value());
}

BOOST_AUTO_TEST_CASE(a_directory_in_the_files_place_is_a_complaint_and_put_aside)
{
    const state::directory where(base);
    state::override_store store(where);
    std::filesystem::create_directory(where.file("overrides.json"));
    BOOST_TEST(store.load().complaint.find("cannot be read") != std::string::npos);
    BOOST_TEST(std::filesystem::is_directory(where.file("overrides.json.corrupt")));
    BOOST_TEST(!store.save(of_version(1), 1));
}

BOOST_AUTO_TEST_CASE(changes_too_large_to_load_are_not_saved)
{
    const state::directory where(base);
    state::override_store store(where);
    BOOST_REQUIRE(!store.save(of_version(1), 1));
    config::overrides huge;
    huge.weights[std::string(state::override_store::max_file_bytes, 'm')] = {};
    BOOST_TEST((store.save(huge, 2) == std::errc::file_too_large));
    BOOST_TEST(store.load().saved.version == 1U);
}

BOOST_AUTO_TEST_CASE(a_writer_killed_at_any_moment_leaves_a_whole_version)
{
    std::uint64_t seen = 0;
    for (int round = 0; round < 20; ++round) {
        int acknowledged[2];
        BOOST_REQUIRE(::pipe(acknowledged) == 0);
        const pid_t child = ::fork();
        BOOST_REQUIRE(child >= 0);
        if (child == 0) {
            const state::directory where(base);
            state::override_store store(where);
            for (std::uint64_t n = seen + 1;; ++n) {
                if (store.save(of_version(n), n))
                    ::_exit(1);
                if (::write(acknowledged[1], &n, sizeof n) != sizeof n)
                    ::_exit(2);
            }
        }
        ::close(acknowledged[1]);
        // Killed somewhere in a save after the (round + 1)th: the pipe's word arrives while the
        // next is being written.
        std::uint64_t told = 0;
        for (int i = 0; i <= round; ++i)
            BOOST_REQUIRE(::read(acknowledged[0], &told, sizeof told) == sizeof told);
        ::kill(child, SIGKILL);
        int status = 0;
        BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
        BOOST_TEST(WIFSIGNALED(status));
        while (::read(acknowledged[0], &told, sizeof told) == sizeof told) {
        }
        ::close(acknowledged[0]);

        const state::directory where(base);
        const auto loaded = state::override_store(where).load();
        BOOST_TEST(loaded.complaint == "");
        BOOST_TEST(loaded.saved.version >= told);
        BOOST_TEST((loaded.saved.overrides == of_version(loaded.saved.version)));
        seen = loaded.saved.version;
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace

BOOST_AUTO_TEST_SUITE_END()
