// The words by which codes are printed, everywhere the same.
#include "engine/api/append.h"
#include "engine/api/delivery.h"
#include "engine/api/error.h"

namespace strandline {

const char* name_of(Code code) {
  switch (code) {
    case Code::invalid:
      return "invalid";
    case Code::not_found:
      return "not-found";
    case Code::exists:
      return "exists";
    case Code::conflict:
      return "conflict";
    case Code::too_large:
      return "too-large";
    case Code::out_of_range:
      return "out-of-range";
    case Code::busy:
      return "busy";
    case Code::sealed:
      return "sealed";
    case Code::fenced:
      return "fenced";
    case Code::out_of_order:
      return "out-of-order";
    case Code::reused:
      return "reused";
    case Code::in_flight:
      return "in-flight";
    case Code::limit:
      return "limit";
    case Code::disk_full:
      return "disk-full";
    case Code::outcome_unknown:
      return "outcome-unknown";
    case Code::corrupt:
      return "corrupt";
    case Code::locked:
      return "locked";
    case Code::unsupported_format:
      return "unsupported-format";
    case Code::read_only:
      return "read-only";
    case Code::closed:
      return "closed";
    case Code::inaccessible:
      return "inaccessible";
    case Code::io:
      return "io";
  }
  return "unknown";
}

const char* name_of(GapReason reason) {
  switch (reason) {
    case GapReason::truncated:
      return "truncated";
    case GapReason::deleted:
      return "deleted";
    case GapReason::dropped:
      return "dropped";
    case GapReason::damaged:
      return "damaged";
  }
  return "unknown";
}

const char* name_of(Durability durability) {
  return durability == Durability::fsync ? "fsync" : "accepted";
}

}  // namespace strandline
