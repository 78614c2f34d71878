// The console's page, and which pages may call the admin API.

#include "admin_world.hpp"

BOOST_AUTO_TEST_SUITE(console)

using namespace sluice;
using namespace sluice::server;

namespace {

const std::string models = "/admin/v1/models";
const std::string token = "authorization: Bearer admin-secret\r\n";

BOOST_AUTO_TEST_CASE(its_files_come_with_their_types_and_take_nothing_from_elsewhere)
{
    admin_world admin(sample_config("{token: admin-secret}"));
    const auto page = admin.call("GET", "/console/");
    BOOST_TEST(page.status == 200);
    BOOST_TEST(page.header("content-type") == "text/html; charset=utf-8");
    BOOST_TEST(page.header("content-security-policy").starts_with("default-src 'none'; "));
    BOOST_TEST(page.header("x-frame-options") == "deny");
    // What the page names is there, by a path relative to it.
    for (const std::string quoted : {"src=\"", "href=\""}) {
        std::size_t named = 0;
        for (auto at = page.body.find(quoted); at != std::string::npos;
             at = page.body.find(quoted, at + 1)) {
            const auto begin = at + quoted.size();
            const auto name = page.body.substr(begin, page.body.find('"', begin) - begin);
            if (name.starts_with('#'))
                continue;
            ++named;
            BOOST_TEST(!name.starts_with('/'), name);
            BOOST_TEST(admin.call("GET", "/console/" + name).status == 200U, name);
        }
        BOOST_TEST(named > 0U);
    }
    BOOST_TEST(
        admin.call("GET", "/console/main.js").header("content-type")
        == "text/javascript; charset=utf-8");
    BOOST_TEST(admin.call("GET", "/console/nothing.js").status == 404);
    BOOST_TEST(admin.call("POST", "/console/").status == 405);
    BOOST_TEST(admin.call("POST", "/console/").header("allow") == "get, head");
}

BOOST_AUTO_TEST_CASE(the_address_alone_leads_to_it_also_behind_a_prefix)
{
    admin_world admin;
    for (const std::string path : {"/", "/console"}) {
        const auto answer = admin.call("GET", path);
        BOOST_TEST(answer.status == 302);
        BOOST_TEST(answer.header("location") == "console/");
    }
}

BOOST_AUTO_TEST_CASE(only_its_own_page_may_call_the_admin_api)
{
    admin_world admin(sample_config("{token: admin-secret}"));
    admin.host = "gateway.example:9090";
    const auto status = [&](const std::string& headers) {
        return admin.call("GET", models, "", token + headers).status;
    };
    BOOST_TEST(status("") == 200);
    BOOST_TEST(status("origin: http://gateway.example:9090\r\n") == 200);
    BOOST_TEST(status("origin: https://gateway.example:9090\r\n") == 200);
    BOOST_TEST(status("origin: http://gateway.example\r\n") == 403);
    BOOST_TEST(status("origin: http://gateway.example:9091\r\n") == 403);
    BOOST_TEST(status("origin: null\r\n") == 403);
    // A proxy may have put another name into Host; the browser tells all the same.
    BOOST_TEST(status("origin: https://ops.example\r\nsec-fetch-site: same-origin\r\n") == 200);
    BOOST_TEST(status("origin: https://ops.example\r\nsec-fetch-site: same-site\r\n") == 403);
    BOOST_TEST(status("sec-fetch-site: cross-site\r\n") == 403);
    BOOST_TEST(status("sec-fetch-site: none\r\n") == 200);
}

BOOST_AUTO_TEST_CASE(without_a_token_only_this_machines_own_names_are_answered)
{
    admin_world admin;
    for (const std::string name : {"127.0.0.1", "127.0.0.1:9090", "localhost:9090", "[::1]:9090"}) {
        admin.host = name;
        BOOST_TEST(admin.call("GET", models).status == 200U, name);
        BOOST_TEST(admin.call("GET", "/metrics").status == 200U, name);
        BOOST_TEST(
            admin.call("GET", models, "", "origin: http://" + name + "\r\n").status == 200U, name);
    }
    for (const std::string name : {"evil.example", "evil.example:9090", "127.0.0.1.evil.example"}) {
        admin.host = name;
        auto answer = admin.call("GET", models);
        BOOST_TEST(answer.status == 403U, name);
        BOOST_TEST(answer.code() == "host_not_allowed");
        // Nor what others may read: names of keys, and what was spent.
        BOOST_TEST(admin.call("GET", "/metrics").status == 403U, name);
        BOOST_TEST(admin.call("GET", "/console/").status == 403U, name);
        BOOST_TEST(admin.call("GET", "/readyz").status == 200U, name);
    }
    // Nobody else's page by way of a name of ours.
    admin.host = "127.0.0.1:9090";
    BOOST_TEST(
        admin.call("GET", models, "", "origin: http://x\r\nsec-fetch-site: same-origin\r\n").status
        == 403);
}

}  // namespace

BOOST_AUTO_TEST_SUITE_END()
