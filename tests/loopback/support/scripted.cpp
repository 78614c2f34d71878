#include "scripted.hpp"

#include <algorithm>

namespace loopback {
namespace {

constexpr std::string_view before_nonce = "\"content\":\"";

constexpr std::string_view after_nonce = "\"}]";

message start_of_request(connection& one)
{
    auto request = one.head();
    request.body = one.until(after_nonce);
    return request;
}

std::string whole_stream(const std::string& text)
{
    return std::string(stream_head) + chunk(token_event(text)) + chunk(stop_event)
           + chunk(done_event) + std::string(last_chunk);
}

std::string whole_answer(const std::string& text)
{
    std::string body(completion);
    const std::string_view hello = "hello";
    body.replace(body.find(hello), hello.size(), text);
    return answer_text(body);
}

}  // namespace

scripted::scripted(std::vector<act> acts, reading how)
    : acts_(std::move(acts)),
      how_(how),
      provider_([this](connection& one) { serve(one); })
{
    if (how == reading::start)
        provider_.buffer_little();
}

void scripted::serve(connection& one)
{
    for (;;) {
        auto request = how_ == reading::all ? one.request() : start_of_request(one);
        std::size_t number = 0;
        {
            const std::scoped_lock lock(mutex_);
            number = requests_.size();
            requests_.push_back(request);
        }
        changed_.notify_all();
        if (!acts_[std::min(number, acts_.size() - 1)](one, request))
            return;
        if (how_ == reading::start)
            (void)one.exactly(std::stoul(request.header("content-length")) - request.body.size());
    }
}

unsigned scripted::calls() const
{
    const std::scoped_lock lock(mutex_);
    return static_cast<unsigned>(requests_.size());
}

bool scripted::called(unsigned times) const
{
    std::unique_lock lock(mutex_);
    (void)changed_.wait_for(lock, patience, [&] { return requests_.size() >= times; });
    return requests_.size() == times;
}

std::vector<std::string> scripted::keys() const
{
    const std::scoped_lock lock(mutex_);
    std::vector<std::string> all;
    for (const auto& each : requests_)
        all.push_back(each.header("authorization"));
    return all;
}

message scripted::request(std::size_t number) const
{
    const std::scoped_lock lock(mutex_);
    return requests_.at(number);
}

std::string nonce_of(const message& request)
{
    const auto begin = request.body.find(before_nonce);
    if (begin == std::string::npos)
        return {};
    const auto from = begin + before_nonce.size();
    return request.body.substr(from, request.body.find('"', from) - from);
}

act answers()
{
    return [](connection& to, const message& request) {
        const bool stream = request.says("\"stream\":true");
        const auto nonce = nonce_of(request);
        return to.send(stream ? whole_stream(nonce) : whole_answer(nonce));
    };
}

act says(std::string text)
{
    return [text = std::move(text)](connection& to, const message&) { return to.send(text); };
}

act says_and_ends(std::string text)
{
    return [text = std::move(text)](connection& to, const message&) {
        to.send(text);
        to.close();
        return false;
    };
}

act says_and_resets(std::string text)
{
    return [text = std::move(text)](connection& to, const message&) {
        to.send(text);
        to.reset();
        return false;
    };
}

act says_and_hangs(std::string text)
{
    return [text = std::move(text)](connection& to, const message&) {
        to.send(text);
        (void)to.ends();
        return false;
    };
}

act drips(std::string text)
{
    return [text = std::move(text)](connection& to, const message&) {
        return std::ranges::all_of(text, [&](const char& octet) { return to.send({&octet, 1}); });
    };
}

std::string question(
    std::string_view nonce,
    std::string_view more,
    std::string_view fields,
    std::string_view model,
    std::string_view behind)
{
    std::string body = R"({"model":")";
    body.append(model).append("\",").append(more);
    body.append(R"("messages":[{"role":"user",)").append(before_nonce);
    body.append(nonce).append(after_nonce).append(behind);
    return post_text(body + "}", fields);
}

message ask(
    gateway& gate,
    std::string_view nonce,
    std::string_view more,
    std::string_view fields,
    std::string_view model)
{
    auto client = gate.connect();
    client.send(question(nonce, more, fields, model));
    return client.answer();
}

bool answered(const message& answer, std::string_view nonce)
{
    return answer.status() == 200 && answer.whole
           && answer.says(std::string(before_nonce) + std::string(nonce) + '"')
           && !answer.says("\"error\"");
}

}  // namespace loopback
