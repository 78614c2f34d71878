#include <sluice/config/key.hpp>
#include <sluice/state/key_store.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <sys/stat.h>

BOOST_AUTO_TEST_SUITE(key_stores)

using namespace sluice;
using std::chrono::sys_seconds;

namespace {

struct fixture {
    fixture()
    {
        auto name = (std::filesystem::temp_directory_path() / "sluice-keys-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr)
            throw std::runtime_error("no temporary directory");
        base = name;
        where = std::make_unique<state::directory>(base + "/state");
        path = where->file("keys.json");
    }
    ~fixture()
    {
        where.reset();
        std::filesystem::remove_all(base);
    }
    fixture(const fixture&) = delete;
    fixture& operator=(const fixture&) = delete;

    [[nodiscard]] std::string content(const std::string& of = {}) const
    {
        std::ifstream in(path + of);
        std::ostringstream out;
        out << in.rdbuf();
        return out.str();
    }

    std::string base;
    std::unique_ptr<state::directory> where;
    std::string path;
};

config::live_keys some()
{
    config::live_keys keys;
    keys.closed = true;
    auto& made = keys.by_id["made"];
    made.settings = R"({"limits":{"requests":"50/s"},"tenant":"t"})";
    made.secrets = {
        {.hash = config::sha256("sk-sluice-new")},
        {.hash = config::sha256("sk-sluice-old"), .until = sys_seconds(std::chrono::hours(9))}};
    made.created = sys_seconds(std::chrono::hours(5));
    auto& over = keys.by_id["over"];
    over.of_file = true;
    over.disabled = true;
    over.retired = {
        {.hash = config::sha256("sk-sluice-file"), .until = sys_seconds(std::chrono::hours(7))}};
    return keys;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(key_store_, fixture)

BOOST_AUTO_TEST_CASE(what_is_saved_is_loaded_by_the_next_process)
{
    BOOST_TEST(!state::key_store(*where).save(some()));
    const auto loaded = state::key_store(*where).load();
    BOOST_TEST(loaded.complaint == "");
    BOOST_TEST((loaded.keys == some()));
    struct stat facts{};
    BOOST_REQUIRE(::stat(path.c_str(), &facts) == 0);
    BOOST_TEST((facts.st_mode & 0777U) == 0600U);
}

BOOST_AUTO_TEST_CASE(no_secret_is_written)
{
    BOOST_TEST(!state::key_store(*where).save(some()));
    BOOST_TEST(content().find("sk-sluice-") == std::string::npos);
    BOOST_TEST(content().find(config::key_hash("sk-sluice-new")) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(without_a_file_there_are_no_keys_and_the_gateway_is_not_closed)
{
    const auto loaded = state::key_store(*where).load();
    BOOST_TEST(loaded.complaint == "");
    BOOST_TEST(loaded.keys.by_id.empty());
    BOOST_TEST(!loaded.keys.closed);
}

BOOST_AUTO_TEST_CASE(a_damaged_file_is_put_aside_and_leaves_the_gateway_closed)
{
    for (
        const std::string_view text :
        {"",
         "{",
         "[]",
         R"({"format":2,"closed":false,"keys":{}})",
         R"({"format":1,"keys":{}})",
         R"({"format":1,"closed":false,"keys":{"a b":{}}})",
         R"({"format":1,"closed":false,"keys":{"a":{"of_file":false,"settings":{},"secrets":[{}],"retired":[],"disabled":false,"created":0}}})",
         R"({"format":1,"closed":false,"keys":{"a":{"of_file":false,"settings":{},"secrets":[],"retired":[],"disabled":false,"created":-1}}})",
         R"({"format":1,"closed":false,"keys":{"a":{"of_file":false,"settings":[],"secrets":[],"retired":[],"disabled":false,"created":1}}})"}) {
        std::ofstream(path) << text;
        const auto loaded = state::key_store(*where).load();
        BOOST_TEST(
            loaded.complaint.find("kept as " + path + ".corrupt") != std::string::npos, text);
        BOOST_TEST(loaded.keys.by_id.empty());
        BOOST_TEST(loaded.keys.closed);
        BOOST_TEST(!std::filesystem::exists(path));
        std::filesystem::remove(path + ".corrupt");
    }
}

BOOST_AUTO_TEST_CASE(a_list_that_cannot_be_read_is_put_aside_too)
{
    std::filesystem::create_directory(path);
    const auto loaded = state::key_store(*where).load();
    BOOST_TEST(loaded.complaint.find("kept as " + path + ".corrupt") != std::string::npos);
    BOOST_TEST(loaded.keys.closed);
    BOOST_TEST(std::filesystem::is_directory(path + ".corrupt"));
}

BOOST_AUTO_TEST_CASE(a_copy_stands_in_for_a_list_that_is_of_no_use)
{
    BOOST_TEST(!state::key_store(*where).save(some()));
    std::ofstream(path) << content().substr(0, 30);
    const auto loaded = state::key_store(*where).load();
    BOOST_TEST(loaded.complaint.find("kept as " + path + ".corrupt") != std::string::npos);
    BOOST_TEST(loaded.complaint.find("copy is in force") != std::string::npos);
    BOOST_TEST((loaded.keys.by_id == some().by_id));
    BOOST_TEST(loaded.keys.closed);
    // Who removes the list wants it gone.
    BOOST_TEST(!std::filesystem::exists(path));
    BOOST_TEST(state::key_store(*where).load().keys.by_id.empty());
}

BOOST_AUTO_TEST_CASE(a_list_from_before_there_was_a_copy_gets_one)
{
    BOOST_TEST(!state::key_store(*where).save(some()));
    std::filesystem::remove(path + ".copy");
    (void)state::key_store(*where).load();
    std::filesystem::remove_all(path);
    std::filesystem::create_directory(path);
    BOOST_TEST((state::key_store(*where).load().keys.by_id == some().by_id));
}

BOOST_AUTO_TEST_CASE(the_copy_follows_what_is_written_late_and_no_change_that_was_not_made)
{
    state::key_store store(*where);
    BOOST_TEST(!store.save(some()));
    const auto copy = content(".copy");
    BOOST_TEST(copy == content());
    std::filesystem::create_directory(path + ".next");
    BOOST_TEST(!!store.save({}));
    BOOST_TEST(store.late());
    BOOST_TEST(content(".copy") == copy);
    std::filesystem::remove(path + ".next");
    std::filesystem::create_directory(path + ".copy.next");
    BOOST_TEST(!!store.write_late());
    BOOST_TEST(content() != copy);
    BOOST_TEST(store.late());
    std::filesystem::remove(path + ".copy.next");
    BOOST_TEST(!store.write_late());
    BOOST_TEST(!store.late());
    BOOST_TEST(content(".copy") == content());
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written_leaves_the_old_file)
{
    state::key_store store(*where);
    BOOST_TEST(!store.save(some()));
    const auto before = content();
    std::filesystem::create_directory(path + ".next");
    BOOST_TEST(!!store.save({}));
    BOOST_TEST(content() == before);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()
