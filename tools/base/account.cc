#include "tools/base/account.h"

#include <pwd.h>
#include <unistd.h>

namespace strandline::tools {

Actor account_here() {
  const uid_t id = ::geteuid();
  const passwd* entry = ::getpwuid(id);
  return {.kind = Actor::Kind::account,
          .name = entry ? entry->pw_name : std::to_string(static_cast<unsigned long>(id))};
}

}  // namespace strandline::tools
