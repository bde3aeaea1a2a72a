// Fields of a record that can be added later: each is `tag, bytes` (varints) and so many bytes.
//
// A reader skips a field whose tag it does not know if the tag is even, and refuses the record, by
// the tag, if it is odd. So a field that older readers can do without gets an even tag.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/varint.h"

namespace strandline {

inline void put_field(std::string& out, uint64_t tag, std::string_view bytes) {
  put_varint(out, tag);
  put_varint(out, bytes.size());
  out.append(bytes);
}

// `known(tag, bytes)` says whether it knows the tag. What is wrong with the fields, if anything.
template <class Known>
std::optional<std::string> each_field(std::string_view bytes, Known known) {
  while (!bytes.empty()) {
    const auto tag = take_varint(bytes), size = take_varint(bytes);
    if (!tag || !size || *size > bytes.size()) return "its fields are cut off";
    if (!known(*tag, bytes.substr(0, *size)) && *tag % 2 == 1) {
      return fmt::format("its field {} is not known to this build, which cannot do without it",
                         *tag);
    }
    bytes.remove_prefix(*size);
  }
  return std::nullopt;
}

}  // namespace strandline
