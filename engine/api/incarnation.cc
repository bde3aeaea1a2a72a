#include "engine/api/incarnation.h"

#include <fmt/format.h>

namespace strandline {
namespace {

constexpr size_t kShortDigits = 8;

}  // namespace

std::string Incarnations::suffix() const {
  return restored() ? "@" + now().id.substr(0, kShortDigits) : std::string();
}

Status Incarnations::check(uint64_t sequence, std::string_view incarnation) const {
  if (incarnation.empty()) incarnation = all.front().id;
  for (size_t i = 0; i < all.size(); ++i) {
    if (incarnation.size() < kShortDigits || !all[i].id.starts_with(incarnation)) continue;
    // What came before a restored point is the same in every incarnation since.
    for (size_t later = i + 1; later < all.size(); ++later) {
      if (sequence <= all[later].first.value) continue;
      return fail(Code::conflict,
                  fmt::format("position {} is of incarnation {} of the log, which ended: it was "
                              "restored from a backup that holds the events below {}; positions "
                              "since then end with \"{}\"",
                              sequence, incarnation.substr(0, kShortDigits), all[later].first.value,
                              suffix()));
    }
    return {};
  }
  return fail(Code::conflict,
              fmt::format("position {} is of incarnation \"{}\", and this log is incarnation {}",
                          sequence, incarnation, now().id));
}

}  // namespace strandline
