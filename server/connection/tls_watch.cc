#include "server/connection/tls_watch.h"

#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>
#include <ctime>
#include <utility>

#include "server/base/coroutine.h"
#include "server/http/response.h"

namespace strandline::server {
namespace {

constexpr auto kLookInterval = std::chrono::seconds(1);

}  // namespace

void TlsWatch::start() {
  look();
  look_later();
}

void TlsWatch::close() {
  closed_ = true;
  timer_.cancel();
}

void TlsWatch::look_later() {
  timer_.expires_after(kLookInterval);
  timer_.async_wait([self = shared_from_this()](const ErrorCode& cancelled) mutable {
    if (cancelled || self->closed_) return;
    Service& service = self->service_;
    asio::post(service.blocking, [self = std::move(self)]() mutable {
      self->look();
      const auto home = self->timer_.get_executor();
      asio::post(home, [self = std::move(self)] {
        if (!self->closed_) self->look_later();
      });
    });
  });
}

void TlsWatch::look() {
  const auto refreshed = tls_.refresh();
  if (!refreshed) {
    spdlog::error("TLS goes on with the certificate from before: {}", refreshed.error().message);
  } else if (*refreshed) {
    spdlog::info("TLS has a new certificate, good until {}", http_date(tls_.expires()));
    warned_ = false;
  }
  const auto warning = tls_.warning(std::time(nullptr));
  if (warning && !warned_) spdlog::warn("{}", *warning);
  warned_ = warning.has_value();
}

}  // namespace strandline::server
