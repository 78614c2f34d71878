#pragma once
// What the admin API answers. The server around it only moves bytes.

#include "admin_http.hpp"
#include <sluice/config/key.hpp>
#include <sluice/server/admin.hpp>
#include <sluice/server/control.hpp>
#include <sluice/wire/request.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::server {

class json_writer;

// "1.234567890": exactly.
[[nodiscard]] std::string dollars_text(std::int64_t nanodollars);

// One request with what its path and headers say.
struct admin_call {
    const admin_request& request;
    std::string_view query;
    std::string model;   // of /admin/v1/models/{m}..., decoded; of .../budgets/{m}/topup
    std::string target;  // of .../targets/{t}/breaker, decoded
    std::string key;     // of /admin/v1/keys/{k}..., decoded
    origin by;
};

// Control thread.
class admin_api {
public:
    explicit admin_api(admin_sources sources);

    // `loopback`: the listener's address; without it a token, once there was one, stays wanted even
    // when a reload takes it out of the file.
    void bound(bool loopback) noexcept { loopback_ = loopback; }

    // Never fails; the answer is complete but for keep-alive, and HEAD gets GET's.
    [[nodiscard]] admin_response answer(const admin_request& request, std::string_view remote);

    // What the last answer() leaves to be done, off the control thread: the answer is what `then`
    // gets, once, on any thread. Empty for most.
    using later = std::function<void(std::function<void(admin_response)> then)>;
    [[nodiscard]] later take_later() { return std::exchange(later_, {}); }

private:
    struct route;
    [[nodiscard]] static std::span<const route> routes();

    [[nodiscard]] admin_response dispatch(const admin_request& request, std::string_view remote);
    [[nodiscard]] std::optional<admin_response> refuse_stranger(
        const admin_request& request, std::string_view path, std::string_view remote);
    [[nodiscard]] std::optional<admin_response> refusal_of(
        const admin_request& request, std::string_view path);
    [[nodiscard]] const std::string& token();

    // admin_process.cpp
    [[nodiscard]] admin_response live(const admin_call& call);
    [[nodiscard]] admin_response ready(const admin_call& call);
    [[nodiscard]] admin_response metrics(const admin_call& call);
    [[nodiscard]] admin_response audit(const admin_call& call);
    // admin_usage.cpp
    [[nodiscard]] admin_response usage(const admin_call& call);
    // admin_budgets.cpp
    [[nodiscard]] admin_response budgets(const admin_call& call);
    [[nodiscard]] admin_response top_up(const admin_call& call);
    void audit_top_up(
        const origin& by,
        const state::budget_status& before,
        const state::budget_status& now,
        std::uint64_t version,
        const std::string& operation);
    // admin_models.cpp
    [[nodiscard]] admin_response all_models(const admin_call& call);
    [[nodiscard]] admin_response one_model(const admin_call& call);
    [[nodiscard]] admin_response set_canary(const admin_call& call);
    [[nodiscard]] admin_response set_weights(const admin_call& call);
    [[nodiscard]] admin_response show_shadow(const admin_call& call);
    void write_model(json_writer& out, const config::model& model) const;
    void begin_models(json_writer& out, const config::snapshot& snapshot) const;
    void write_target(json_writer& out, const config::model& model, std::size_t target) const;
    [[nodiscard]] admin_response model_answer(const std::string& name, const change_report& report);
    // admin_health.cpp
    [[nodiscard]] admin_response set_breaker(const admin_call& call);
    // admin_rollout.cpp
    [[nodiscard]] admin_response put_rollout(const admin_call& call);
    [[nodiscard]] admin_response promote(const admin_call& call);
    [[nodiscard]] admin_response freeze(const admin_call& call);
    [[nodiscard]] admin_response resume(const admin_call& call);
    [[nodiscard]] admin_response roll_back(const admin_call& call);
    [[nodiscard]] admin_response kill(const admin_call& call);
    [[nodiscard]] admin_response kill_all(const admin_call& call);
    void write_rollout(json_writer& out, const config::model& model) const;
    // admin_keys.cpp
    [[nodiscard]] admin_response all_keys(const admin_call& call);
    [[nodiscard]] admin_response one_key(const admin_call& call);
    [[nodiscard]] admin_response create_key(const admin_call& call);
    [[nodiscard]] admin_response change_key(const admin_call& call);
    [[nodiscard]] admin_response revoke_key(const admin_call& call);
    [[nodiscard]] admin_response rotate_key(const admin_call& call);
    [[nodiscard]] admin_response key_answer(
        const std::string& id, const change_report& report, const std::string& secret);
    void write_key(json_writer& out, const config::key& key) const;
    // admin_config.cpp
    [[nodiscard]] admin_response show_config(const admin_call& call);
    [[nodiscard]] admin_response put_config(const admin_call& call);
    [[nodiscard]] admin_response reload(const admin_call& call);
    // admin_explain.cpp
    [[nodiscard]] admin_response explain(const admin_call& call);

    [[nodiscard]] admin_response tagged(admin_response response) const;
    [[nodiscard]] admin_response refused(const change_report& report) const;

    admin_sources sources_;
    wire::request_parser parser_;
    later later_;
    std::string last_token_;
    bool loopback_ = true;
};

}  // namespace sluice::server
