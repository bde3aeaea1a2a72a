// One thread, its io_context, and the connections that live on it.
//
// *Threads*: adopt, drain and join from any; everything else belongs to its own. *Time*: one timer
// sweeps all connections for waits that are over time, instead of one timer for each wait.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_set>

#include "server/base/coroutine.h"
#include "server/base/mailbox.h"
#include "server/connection/connection.h"
#include "server/connection/service.h"
#include "server/connection/tls_transport.h"
#include "server/http/authority.h"

namespace strandline::server {

class Worker {
 public:
  explicit Worker(Service& service);
  ~Worker();

  void start();
  // Takes a client's socket, which belongs to context(), and begins a session over it: in TLS, if
  // it is given what TLS needs.
  void adopt(StreamSocket socket, const Authorities& authorities, const TlsContext* tls);
  // Takes a connection, also one that another hands over. On the worker's thread.
  void adopt(std::shared_ptr<Connection> connection);
  // Lets connections finish, closes those that take longer than drain_timeout_ms, then ends the
  // thread.
  void drain();
  void join();

  asio::io_context& context() { return context_; }
  Mailbox& mailbox() { return mailbox_; }
  // Of this second, for the heads of responses.
  std::string_view date() const { return date_; }
  void remove(Connection& connection);

 private:
  void sweep();
  void give_back_memory();
  void end_if_drained();

  Service& service_;
  asio::io_context context_{1};
  Mailbox mailbox_{context_};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  asio::steady_timer timer_;
  std::unordered_set<Connection*> connections_;
  size_t connections_most_ = 0;  // since memory was last given back
  std::string date_;
  int64_t date_second_ = 0;
  bool draining_ = false;
  SteadyTime drained_by_ = SteadyTime::max();
  std::thread thread_;
};

}  // namespace strandline::server
