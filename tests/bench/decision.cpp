// How long the gateway decides about one request, without any socket: head, credentials, JSON,
// limit, split, and the head that goes to the provider. Prints percentiles; judges nothing.

#include "steps.hpp"
#include <sluice/config/build.hpp>
#include <sluice/config/key.hpp>
#include <sluice/config/load.hpp>
#include <sluice/http/head.hpp>
#include <sluice/policy/attempt_plan.hpp>
#include <sluice/proxy/steps.hpp>
#include <sluice/proxy/upstream_head.hpp>
#include <sluice/wire/splice.hpp>

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

namespace sluice::bench {
namespace {

constexpr std::string_view key = "sk-bench-0123456789abcdef0123456789abcdef";

const std::string config_text = R"(
listen: [{ address: 127.0.0.1:0 }]
state: { directory: none }
access_log: off
providers:
  one: { dialect: openai, base_url: http://127.0.0.1:9/v1, api_key: sk-provider-0123456789 }
models:
  bench-model:
    targets: [{ name: stable, provider: one, model: bench-1, weight: 90 }, { name: canary, provider: one, weight: 10 }]
    canary: canary
    sticky: user
keys:
  - id: bench
    hash: ")" + config::key_hash(key)
                                + R"("
    models: ["*"]
    limits: { requests: 1000000000/min, burst: 1000000000, concurrent: 100000 }
)";

std::string request_head(std::size_t body_bytes)
{
    return "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nConnection: "
           "keep-alive\r\n"
           "Content-Type: application/json\r\nAccept: application/json\r\n"
           "User-Agent: OpenAI/JS 7.55.0\r\nX-Stainless-Retry-Count: 0\r\nX-Stainless-Lang: js\r\n"
           "X-Stainless-Package-Version: 7.55.0\r\nX-Stainless-OS: Linux\r\nX-Stainless-Arch: "
           "x64\r\n"
           "X-Stainless-Runtime: node\r\nX-Stainless-Runtime-Version: v20.20.2\r\n"
           "Authorization: Bearer "
           + std::string(key)
           + "\r\nAccept-Language: *\r\nSec-Fetch-Mode: cors\r\nAccept-Encoding: gzip, deflate\r\n"
             "Content-Length: "
           + std::to_string(body_bytes) + "\r\n\r\n";
}

std::string request_body(std::size_t bytes)
{
    std::string text = R"({"model":"bench-model","user":"somebody","messages":[)";
    while (text.size() < bytes)
        text +=
            R"({"role":"user","content":"What is a sluice, and \"why\" would one build it?\n"},)";
    text.back() = ']';
    return text + R"(,"temperature":0.7,"max_tokens":256})";
}

bool decide(proxy::services& with, proxy::client& from, proxy::exchange& x, const std::string& head)
{
    const bool fine = !http::parse(head, {}, x.head) && proxy::identify(with, x)
                      && proxy::authenticate(with, from, x)
                      && proxy::parse(with, wire::endpoint::chat_completions, x)
                      && policy::take(*x.key->state, x.key->limits, x.now).admitted
                      && proxy::choose(with, x);
    if (!fine)
        return false;
    const proxy::question asked{
        x.head, x.body, *x.facts, x.request_id.view(), *x.served_by, x.due, false};
    const auto model = static_cast<std::size_t>(x.model - x.config->models.data());
    policy::attempt_plan plan(x.served_by->routes.stages, model, asked.due);
    const auto preferred = static_cast<std::size_t>(x.target - x.model->targets.data());
    const auto first =
        plan.first(preferred, policy::attempt_plan::choice::preferred, x.now, with.random);
    if (first.what != policy::step::kind::attempt)
        return false;
    const auto one = with.borrow_attempt();
    one->aim(asked, first);
    const auto body = wire::splice(*x.facts, x.body, one->model_json, one->ask_usage);
    const bool written = !proxy::write_request_head(with, asked, *one, body.total_bytes).empty();
    return written;
}

}  // namespace

int time_decision(std::size_t body_bytes, std::size_t rounds)
{
    auto loaded = config::load(config_text, "decision", config::process_environment());
    if (!loaded.document) {
        for (const auto& complaint : loaded.complaints)
            std::cerr << config::to_string(complaint) << '\n';
        return 2;
    }
    worker one;
    one.with.snapshots.install(config::build(*loaded.document, {}, 1, nullptr, one.names).snapshot);

    const auto body = request_body(body_bytes);
    const auto head = request_head(body.size());
    std::vector<std::int64_t> took;
    took.reserve(rounds);
    for (std::size_t i = 0; i < rounds; ++i) {
        one.begin();
        one.x.body = body;
        const auto before = steady::now();
        one.x.began = one.x.now = before;
        if (!decide(one.with, one.from, one.x, head))
            return 1;
        took.push_back((steady::now() - before).count());
    }
    std::sort(took.begin(), took.end());
    std::cout << "decision about a " << body.size() << "-byte body: p50 " << took[rounds / 2]
              << " ns, p90 " << took[rounds * 9 / 10] << " ns, p99 " << took[rounds * 99 / 100]
              << " ns, least " << took.front() << " ns (" << rounds << " rounds)\n";
    return 0;
}

}  // namespace sluice::bench
