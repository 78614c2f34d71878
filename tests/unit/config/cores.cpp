#include <sluice/config/cores.hpp>

#include <boost/test/unit_test.hpp>

#include <map>
#include <string>

BOOST_AUTO_TEST_SUITE(cores)

using sluice::config::cores_by_quota;

namespace {

// 0: no quota.
std::size_t cores(const std::map<std::string, std::string>& files)
{
    return cores_by_quota([&](const std::string& path) -> std::optional<std::string> {
               const auto found = files.find(path);
               if (found == files.end())
                   return std::nullopt;
               return found->second;
           })
        .value_or(0);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_container_sees_its_quota_at_the_root)
{
    const std::string root = "/sys/fs/cgroup/cpu.max";
    BOOST_TEST(cores({}) == 0U);
    BOOST_TEST(cores({{root, "max 100000\n"}}) == 0U);
    BOOST_TEST(cores({{root, "200000 100000\n"}}) == 2U);
    BOOST_TEST(cores({{root, "150000 100000\n"}, {"/proc/self/cgroup", "0::/\n"}}) == 2U);
    BOOST_TEST(cores({{root, "1000 100000\n"}}) == 1U);
    // A host's name for the container's group, which does not stand there.
    BOOST_TEST(cores({{root, "300000 100000\n"}, {"/proc/self/cgroup", "0::/docker/0a\n"}}) == 3U);
    BOOST_TEST(cores({{root, "300000 100000\n"}, {"/proc/self/cgroup", "0::/../0a\n"}}) == 3U);
    for (const std::string damaged : {"", "200000", "200000 0", "x 100000", " "})
        BOOST_TEST(cores({{root, damaged}}) == 0U, damaged);
}

// CPUQuota= of a systemd unit is the unit's, and its slice may have less.
BOOST_AUTO_TEST_CASE(a_service_has_the_least_quota_of_its_groups)
{
    const std::string at = "/sys/fs/cgroup/system.slice";
    std::map<std::string, std::string> files{
        {"/proc/self/cgroup", "1:name=systemd:/elsewhere\n0::/system.slice/sluice.service\n"},
        {at + "/sluice.service/cpu.max", "400000 100000\n"},
        {at + "/cpu.max", "max 100000\n"},
        {"/sys/fs/cgroup/elsewhere/cpu.max", "100000 100000\n"}};
    BOOST_TEST(cores(files) == 4U);
    files[at + "/cpu.max"] = "250000 100000\n";
    BOOST_TEST(cores(files) == 3U);
}

BOOST_AUTO_TEST_CASE(version_1_has_quota_and_period_in_files_of_their_own)
{
    const std::string at = "/sys/fs/cgroup/cpu/cpu.cfs_";
    BOOST_TEST(cores({{at + "quota_us", "-1\n"}, {at + "period_us", "100000\n"}}) == 0U);
    BOOST_TEST(cores({{at + "quota_us", "50000\n"}, {at + "period_us", "100000\n"}}) == 1U);
    BOOST_TEST(cores({{at + "quota_us", "500000\n"}, {at + "period_us", "100000\n"}}) == 5U);
}

BOOST_AUTO_TEST_SUITE_END()
