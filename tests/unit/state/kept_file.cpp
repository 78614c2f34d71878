#include "temporary_directory.hpp"
#include <sluice/state/kept_file.hpp>

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

BOOST_AUTO_TEST_SUITE(kept_files)

namespace {

using sluice::state::kept_file;

struct disk : sluice::temporary_directory {
    [[nodiscard]] std::string content() const { return sluice::text_of(file("f")); }
    void fill() const { std::filesystem::create_directory(file("f.next")); }
    void free() const { std::filesystem::remove(file("f.next")); }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(what_cannot_be_written_is_late_until_it_can, disk)
{
    kept_file tested(file("f"), 100);
    BOOST_TEST(!tested.save("one"));
    BOOST_TEST(!tested.late());
    fill();
    BOOST_TEST(!!tested.save("two"));
    BOOST_TEST(!!tested.save("three"));
    BOOST_TEST(tested.late());
    BOOST_TEST(!!tested.write_late());
    BOOST_TEST(content() == "one");
    free();
    BOOST_TEST(!tested.write_late());
    BOOST_TEST(!tested.late());
    BOOST_TEST(content() == "three");
    std::filesystem::remove(file("f"));
    BOOST_TEST(!tested.write_late());  // nothing is left to do
    BOOST_TEST(!std::filesystem::exists(file("f")));
}

BOOST_FIXTURE_TEST_CASE(a_change_that_is_taken_back_leaves_nothing_late, disk)
{
    std::ofstream(file("f")) << "as it was";
    kept_file tested(file("f"), 100);
    std::string text;
    BOOST_TEST(!tested.read(text, ""));
    BOOST_TEST(text == "as it was");
    fill();
    BOOST_TEST(!!tested.save("other"));
    BOOST_TEST(!!tested.save("as it was"));
    BOOST_TEST(!tested.late());
}

BOOST_FIXTURE_TEST_CASE(a_file_that_is_not_there_is_as_good_as_an_empty_list, disk)
{
    kept_file tested(file("f"), 100);
    std::string text = "anything";
    BOOST_TEST(!tested.read(text, "[]"));
    BOOST_TEST(text == "[]");
    fill();
    BOOST_TEST(!!tested.save("[1]"));
    BOOST_TEST(!!tested.save("[]"));
    BOOST_TEST(!tested.late());
}

BOOST_FIXTURE_TEST_CASE(what_comes_to_the_disk_in_the_end_is_what_was_saved_last, disk)
{
    kept_file tested(file("f"), 100);
    fill();
    BOOST_TEST(!!tested.save("late"));
    free();
    BOOST_TEST(!tested.save("newer"));
    BOOST_TEST(!tested.late());
    BOOST_TEST(content() == "newer");
}

BOOST_FIXTURE_TEST_CASE(more_than_would_be_read_is_not_written, disk)
{
    kept_file tested(file("f"), 100);
    BOOST_TEST((tested.save(std::string(101, 'x')) == std::errc::file_too_large));
    BOOST_TEST(tested.late());
    BOOST_TEST(!tested.save(std::string(100, 'x')));
    BOOST_TEST(!tested.late());
}

BOOST_FIXTURE_TEST_CASE(nothing_that_was_put_aside_before_is_lost, disk)
{
    kept_file tested(file("f"), 100);
    for (const auto* text : {"one", "two", "three"}) {
        std::ofstream(file("f")) << text;
        (void)tested.put_aside();
    }
    BOOST_TEST(sluice::text_of(file("f.corrupt")) == "one");
    BOOST_TEST(sluice::text_of(file("f.corrupt.2")) == "two");
    BOOST_TEST(sluice::text_of(file("f.corrupt.3")) == "three");
}

BOOST_FIXTURE_TEST_CASE(what_is_no_file_is_not_waited_for, disk)
{
    BOOST_REQUIRE(::mkfifo(file("f").c_str(), 0600) == 0);
    // So that reading it does not wait for a writer for good where it would.
    const int writer = ::open(file("f").c_str(), O_RDWR | O_CLOEXEC);
    BOOST_TEST(::write(writer, "x", 1) == 1);
    kept_file tested(file("f"), 0);
    std::string text;
    BOOST_TEST(!!tested.read(text, ""));
    BOOST_TEST(text == "");
    ::close(writer);
}

BOOST_AUTO_TEST_SUITE_END()
