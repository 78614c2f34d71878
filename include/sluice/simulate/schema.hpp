#pragma once
// A JSON value that a JSON schema accepts.

#include <simdjson.h>

#include <string>

namespace sluice::simulate {

// Has the required properties, or all when the schema requires none. Knows type, properties, items,
// minItems, enum, const, anyOf, oneOf, allOf (the first), minimum, maximum, minLength and $ref into
// the same document; deeper than 32 levels everything is null, and after 64 KiB nothing more comes.
[[nodiscard]] std::string example_of(simdjson::dom::element schema);

}  // namespace sluice::simulate
