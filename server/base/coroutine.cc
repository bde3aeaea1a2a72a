#include "server/base/coroutine.h"

#include <spdlog/spdlog.h>

namespace strandline::server {

void LogFailure::operator()(std::exception_ptr failure) const {
  if (!failure) return;
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& e) {
    spdlog::error("{}: {}", who, e.what());
  } catch (...) {
    spdlog::error("{}: unknown exception", who);
  }
}

}  // namespace strandline::server
