// Accepts connections and hands them to the workers, round robin.
//
// The loop never dies: what fails (too many open files, a connection that is gone again) is logged
// and waited out. *Threads*: lives on the first worker's; listen and close from the server's.
// *Limits*: over connections_max a connection gets a 503 and is closed.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string>
#include <vector>

#include "server/base/coroutine.h"
#include "server/connection/binding.h"
#include "server/connection/service.h"
#include "server/connection/worker.h"

namespace strandline::server {

class Listener {
 public:
  Listener(Service& service, std::vector<std::unique_ptr<Worker>>& workers);

  // Connections wait until start().
  Status listen(Binding binding);
  void start();
  // Accepts no more. On the first worker's thread.
  void close();
  std::string address() const { return address_; }
  // Whether only this machine can connect.
  bool on_loopback() const { return on_loopback_; }

 private:
  awaitable<void> accept();
  void refuse(asio::ip::tcp::socket socket);

  Service& service_;
  std::vector<std::unique_ptr<Worker>>& workers_;
  asio::ip::tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  std::string address_;
  bool on_loopback_ = false;
};

}  // namespace strandline::server
