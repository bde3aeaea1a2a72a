// One thread, its io_context, and the sessions that live on it.
//
// *Threads*: adopt, drain and join from any; everything else belongs to its own. *Time*: one timer
// sweeps all sessions for waits that are over time, instead of one timer for each wait.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_set>

#include "server/coroutine.h"
#include "server/mailbox.h"
#include "server/service.h"

namespace strandline::server {

class Session;

class Worker {
 public:
  explicit Worker(Service& service);
  ~Worker();

  void start();
  // Takes a connection whose socket belongs to context().
  void adopt(asio::ip::tcp::socket socket);
  // Lets sessions finish, closes those that take longer than drain_timeout_ms, then ends the
  // thread.
  void drain();
  void join();

  asio::io_context& context() { return context_; }
  Mailbox& mailbox() { return mailbox_; }
  // Of this second, for the heads of responses.
  std::string_view date() const { return date_; }
  void remove(Session& session);

 private:
  void sweep();
  void give_back_memory();
  void end_if_drained();

  Service& service_;
  asio::io_context context_{1};
  Mailbox mailbox_{context_};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  asio::steady_timer timer_;
  std::unordered_set<Session*> sessions_;
  size_t sessions_most_ = 0;  // since memory was last given back
  std::string date_;
  int64_t date_second_ = 0;
  bool draining_ = false;
  SteadyTime drained_by_ = SteadyTime::max();
  std::thread thread_;
};

}  // namespace strandline::server
