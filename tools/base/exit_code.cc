#include "tools/base/exit_code.h"

namespace strandline::tools {

int exit_code_of(Code code) {
  switch (code) {
    case Code::invalid:
      return kUsage;
    case Code::not_found:
    case Code::out_of_range:
      return kNotFound;
    case Code::exists:
    case Code::conflict:
    case Code::fenced:
    case Code::out_of_order:
    case Code::reused:
      return kConflict;
    case Code::too_large:
    case Code::busy:
    case Code::sealed:
    case Code::in_flight:
    case Code::limit:
    case Code::disk_full:
    case Code::locked:
    case Code::read_only:
    case Code::inaccessible:
      return kRefused;
    case Code::closed:
      return kUnreachable;
    case Code::outcome_unknown:
    case Code::corrupt:
    case Code::unsupported_format:
    case Code::io:
      return kFailed;
  }
  return kFailed;
}

}  // namespace strandline::tools
