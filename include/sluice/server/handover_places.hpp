#pragma once
// Requests at once (`concurrent`) while two processes serve. A request of the old one keeps its
// place: the new one counts as many as the old one tells that it may have in flight, which never
// grows and is told before the new one uses what became free. So both together never have more than
// the limit lets in, and when the old one has ended, however it did, all of its places are free.
//
// What the old one does not count, because its configuration had no such limit, nobody does; nor,
// while a third process drains, what that one has, once the one in the middle was killed.

#include <sluice/config/snapshot.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::server {

// The old side, from the moment at which the other one serves. Control thread.
class kept_places {
public:
    // Of what is free, it keeps about half: requests may be on their way on `idle` connections.
    kept_places(const config::snapshot& of, std::size_t idle);

    // What it may have in flight, as lent_places takes it; limits with nothing are left out.
    [[nodiscard]] std::string text() const;
    // Gives back what no request has and none can need: no more than `idle` can come. What has
    // changed by that; empty: nothing.
    [[nodiscard]] std::string give_back(std::size_t idle);

private:
    struct one {
        std::string name;
        std::shared_ptr<policy::limit_state> state;
        std::uint32_t most = 0;  // that it lets in
        std::uint32_t told = 0;
    };

    static void keep(one& of, std::uint32_t most);

    std::vector<one> all_;
};

// The new side. Control thread.
class lent_places {
public:
    // {"NAME": COUNT, ...}, before the first request comes. False: some of it means nothing.
    bool begin(const config::snapshot& into, std::string_view text);
    // What has changed.
    bool hear(std::string_view text);
    // The old one has ended.
    void end();

private:
    struct one {
        std::shared_ptr<policy::limit_state> state;
        std::uint32_t count = 0;
    };

    static void set(one& of, std::uint32_t count);

    std::map<std::string, one, std::less<>> all_;
};

}  // namespace sluice::server
