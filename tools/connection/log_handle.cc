#include "tools/connection/log_handle.h"

#include "tools/connection/local_log.h"
#include "tools/connection/remote_log.h"

namespace strandline::tools {

Result<std::unique_ptr<LogHandle>> connect(const Settings& settings, Purpose purpose) {
  auto target = settings.target();
  if (!target) return std::unexpected(target.error());
  if (!target->data.empty()) return open_local(target->data, purpose);
  return open_remote(target->server, std::move(target->trust), purpose);
}

}  // namespace strandline::tools
