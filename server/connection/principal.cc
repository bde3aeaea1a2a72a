#include "server/connection/principal.h"

#include <algorithm>

namespace strandline::server {

bool Principal::may_select(Action action, const Selection& select) const {
  switch (select.kind) {
    case Selection::Kind::stream:
    case Selection::Kind::list:
      return std::ranges::all_of(select.names,
                                 [&](const std::string& name) { return may(action, name); });
    case Selection::Kind::prefix:
      return may_below(action, select.names.at(0));
    case Selection::Kind::all:
      return may_everything(action);
  }
  return false;
}

std::optional<std::string_view> Principal::ended(const ApiKeys& keys, Timestamp now) const {
  if (!key_) return keys.any() ? std::optional("access-control-on") : std::nullopt;
  if (narrower_ && now >= until_) return "ticket-expired";
  const ApiKeyPointer there = keys.find_secret(digest_);
  if (!there) return "key-rotated";
  if (there->revoked) return "key-revoked";
  if (there->expired(now)) return "key-expired";
  if (!there->holds(digest_, now)) return "key-rotated";
  return std::nullopt;
}

}  // namespace strandline::server
