#include "engine/base/mutation.h"

#ifdef STRANDLINE_MUTATIONS

#include <array>
#include <cstdlib>
#include <iostream>
#include <string_view>

namespace strandline {
namespace {

// In the order of the enumeration.
constexpr std::array<std::string_view, 14> kNames = {"none",
                                                     "sync_dropped",
                                                     "acknowledged_before_sync",
                                                     "offset_reused_after_failed_write",
                                                     "writing_on_after_wal_error",
                                                     "no_contiguity_check",
                                                     "iterator_status_ignored",
                                                     "readers_not_held_to_tail",
                                                     "position_before_delivery",
                                                     "position_outside_batch",
                                                     "producer_outside_batch",
                                                     "directory_sync_missing",
                                                     "resume_off_by_one",
                                                     "checksum_unchecked"};

Mutation chosen() {
  const char* text = std::getenv("STRANDLINE_MUTATION");
  const std::string_view name = text == nullptr || *text == '\0' ? "none" : text;
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Mutation>(i);
  }
  std::cerr << "STRANDLINE_MUTATION=" << name << ": no such bug is seeded\n";
  std::abort();
}

}  // namespace

bool mutated(Mutation mutation) {
  static const Mutation on = chosen();
  return mutation == on;
}

}  // namespace strandline

#endif
