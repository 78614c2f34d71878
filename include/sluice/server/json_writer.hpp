#pragma once
// JSON text for the admin API: commas and escaping are its business, the order of calls the
// caller's.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sluice::server {

class json_writer {
public:
    json_writer& begin_object();
    json_writer& end_object();
    json_writer& begin_array();
    json_writer& end_array();

    json_writer& key(std::string_view name);

    json_writer& text(std::string_view value);
    json_writer& number(double value);  // finite; the shortest spelling
    json_writer& count(std::uint64_t value);
    json_writer& boolean(bool value);
    json_writer& null();
    json_writer& raw(std::string_view json);  // one whole value, taken as it is
    json_writer& texts(std::span<const std::string> values);

    [[nodiscard]] const std::string& str() const noexcept { return out_; }

private:
    json_writer& put(std::string_view json);
    json_writer& open(char bracket);
    json_writer& close(char bracket);

    std::string out_;
    bool comma_ = false;  // a value stands before the next one
};

}  // namespace sluice::server
