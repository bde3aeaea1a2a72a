// Tasks for one thread, from any other. Those that come close together share one wake-up: an fsync
// answers a crowd at once, and waking the thread costs more than what it does for one of them.
//
// *Order*: as put. *Lifetime*: a task that never ran is destroyed with the mailbox, which must go
// before its context.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace strandline::server {

class Mailbox {
 public:
  using Task = std::move_only_function<void()>;

  explicit Mailbox(boost::asio::io_context& context) : context_(context) {}

  boost::asio::io_context& context() { return context_; }

  void put(Task task) {
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
      if (tasks_.size() > 1) return;  // whoever put the first has posted
    }
    boost::asio::post(context_, [this] { run(); });
  }

 private:
  void run() {
    std::vector<Task> tasks;
    {
      const std::lock_guard lock(mutex_);
      tasks.swap(tasks_);
    }
    for (Task& task : tasks) task();
  }

  boost::asio::io_context& context_;
  std::mutex mutex_;  // guards tasks_
  std::vector<Task> tasks_;
};

}  // namespace strandline::server
