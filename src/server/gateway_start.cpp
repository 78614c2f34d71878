// What is listened on, whoever opened it.
#include "gateway_parts.hpp"

#include <arpa/inet.h>
#include <stdexcept>
#include <unistd.h>
#include <utility>

namespace sluice::server {

void gateway::parts::open_listeners()
{
    const auto count = control_.current()->workers;
    const auto addresses = bind_all(bound_, count, given_);
    const auto trust = trust_.of(*control_.current());
    std::vector<std::vector<listening_socket>> of_worker(count);
    for (std::size_t at = 0; at < addresses.size(); ++at) {
        const auto& each = addresses[at];
        listening_.push_back({each.host, each.port, each.tls});
        for (std::size_t i = 0; i < each.descriptors.size(); ++i)
            of_worker[i % count].push_back({each.descriptors[i], at});
        for (std::size_t i = 0; i < each.sockets; ++i)
            sockets_.push_back({each.descriptors[i], each.host, each.port, bound_[at].port == 0});
    }
    for (std::size_t i = 0; i < count; ++i)
        commons_.all.push_back(std::make_unique<worker>(
            i,
            commons_,
            of_worker[i],
            installed{control_.current(), catalogue_.size(), contexts_.tls, trust}));
}

void gateway::parts::open_admin()
{
    const auto& settings = control_.current()->admin;
    if (!settings)
        return;
    auto mine = take_for(given_, settings->host, settings->port);
    if (predecessor_)
        if (auto handed = predecessor_->take_admin()) {
            if (handed->is_for(settings->host, settings->port))
                mine.push_back(std::move(*handed));
            else
                ::close(handed->descriptor);
        }
    admin_.start(*settings, mine.empty() ? -1 : mine.front().descriptor);
    for (std::size_t i = 1; i < mine.size(); ++i)
        ::close(mine[i].descriptor);
    admin_open_ = true;
}

void gateway::parts::refuse_unmatched()
{
    for (const auto& each : std::exchange(given_, {})) {
        ::close(each.descriptor);
        const auto where = text_of(each.host, each.port);
        if (!predecessor_)
            throw std::runtime_error(
                "the service manager gives a socket for " + where
                + ", but neither `listen` nor `admin` has this address");
        log_.warn("address_left", "not listened on any more: " + where);
    }
}

// What others would make up for first, and a rollout when its weights are there: one that has
// ended, but with the weights it had, would be left with them.
std::vector<late_file> gateway::parts::written_later()
{
    std::vector<late_file> all;
    if (book_)
        all.push_back(late_file_of("spread.json", book_->file()));
    all.push_back(late_file_of("keys.json", key_store_));
    all.push_back(late_file_of("overrides.json", overrides_.file()));
    all.push_back(late_file_of("rollouts.json", rollouts_.file()));
    all.push_back(late_file_of("audit.log", audit_));
    return all;
}

}  // namespace sluice::server
