#include "tools/place.h"

#include "server/cloudevents.h"
#include "server/query.h"

namespace strandline::tools {

Result<From> parse_from(const std::string& text) {
  auto from = server::parse_from(text);
  if (!from) return fail(Code::invalid, from.error());
  return *from;
}

std::string render_from(const From& from) {
  switch (from.kind) {
    case From::Kind::position:
      return std::to_string(from.number);
    case From::Kind::earliest:
      return "earliest";
    case From::Kind::latest:
      return "latest";
    case From::Kind::last:
      return "-" + std::to_string(from.number);
    case From::Kind::time:
      return render_time(from.moment);
  }
  return "earliest";
}

}  // namespace strandline::tools
