// Looks every second whether the files of the certificate have changed, and says in the log what
// came of it; and when the certificate in use expires.
//
// *Threads*: lives on one worker's, and reads the files in the service's pool. *Lifetime*: it goes
// on until close(), and keeps itself alive until then.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>

#include "server/connection/service.h"
#include "server/connection/tls_context.h"

namespace strandline::server {

class TlsWatch : public std::enable_shared_from_this<TlsWatch> {
 public:
  TlsWatch(Service& service, asio::io_context& context, TlsContext& tls)
      : service_(service), tls_(tls), timer_(context) {}

  void start();
  // On the worker's thread.
  void close();

 private:
  void look_later();
  // Reads files.
  void look();

  Service& service_;
  TlsContext& tls_;
  asio::steady_timer timer_;
  bool closed_ = false;
  bool warned_ = false;  // that the certificate's time is over; the pool's
};

}  // namespace strandline::server
