// Accepts the connections of one address and hands them to the workers, round robin.
//
// The loop never dies: what fails (too many open files, a connection that is gone again) is logged
// and waited out. *Threads*: lives on the first worker's; listen and close from the server's.
// *Limits*: over connections_max a connection gets a 503 and is closed; where TLS is spoken it is
// only closed, for a handshake would cost what there is too little of.
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <memory>
#include <vector>

#include "server/base/coroutine.h"
#include "server/connection/binding.h"
#include "server/connection/service.h"
#include "server/connection/worker.h"

namespace strandline::server {

class Listener {
 public:
  // `tls`: what a binding needs that speaks it.
  Listener(Service& service, std::vector<std::unique_ptr<Worker>>& workers, Binding binding,
           const TlsContext* tls);

  // Connections wait until start().
  Status listen();
  void start();
  // Accepts no more. On the first worker's thread.
  void close();
  const Binding& binding() const { return binding_; }

 private:
  awaitable<void> accept();
  void refuse(StreamSocket socket);

  Service& service_;
  std::vector<std::unique_ptr<Worker>>& workers_;
  Binding binding_;
  const Authorities authorities_;
  const TlsContext* const tls_;  // nothing: in clear
  asio::basic_socket_acceptor<asio::generic::stream_protocol> acceptor_;
  asio::steady_timer pause_;
};

}  // namespace strandline::server
