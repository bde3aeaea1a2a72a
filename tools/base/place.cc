#include "tools/base/place.h"

#include "server/http/query.h"

namespace strandline::tools {

Result<From> parse_from(const std::string& text) {
  auto from = server::parse_from(text);
  if (!from) return fail(Code::invalid, from.error());
  return *from;
}

std::string render_from(const From& from) { return server::render_from(from); }

}  // namespace strandline::tools
