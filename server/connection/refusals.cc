#include "server/connection/refusals.h"

#include <chrono>
#include <string>

namespace strandline::server {

void Refusals::tell(Log& log, unsigned status, std::string_view route, const Actor& actor) {
  if (!log.options().record_administration) return;
  const std::lock_guard lock(mutex_);
  Kind& kind = kinds_[status == 401 ? 0 : status == 403 ? 1 : 2];
  const auto now = std::chrono::steady_clock::now();
  const bool written = !kind.bucket.take(1, 1, kTogether, true, now) &&
                       log.record({.type = "strandline.request.refused",
                                   .subject = std::string(route),
                                   .details = ",\"status\":" + std::to_string(status) +
                                              ",\"skipped\":" + std::to_string(kind.skipped),
                                   .outcome = "refused"},
                                  actor);
  kind.skipped = written ? 0 : kind.skipped + 1;
}

}  // namespace strandline::server
