// The place of one request's answer in its session: whoever holds it answers once, whenever it can.
//
// Answers leave in the order of their requests, whatever the order in which they are given.
// *Threads*: follow() belongs to the session's thread; the completions that block() and owe() make
// run on others, and only post. *Lifetime*: it keeps its session alive until then.
#pragma once

#include <boost/asio/post.hpp>
#include <functional>
#include <memory>
#include <utility>

#include "server/base/mailbox.h"
#include "server/connection/follow.h"
#include "server/connection/service.h"
#include "server/http/response.h"

namespace strandline::server {

// What a session is to those who answer its requests.
class Answerer {
 public:
  virtual ~Answerer() = default;
  virtual void answer(uint64_t number, Response response) = 0;
  virtual void answer(uint64_t number, std::unique_ptr<Follow> follow) = 0;
  // Whether there is still somebody to answer.
  virtual bool is_awaited(uint64_t number) const = 0;
  // Calls back when there is not, or when the answer must not wait any longer.
  virtual void on_give_up(uint64_t number, std::function<void()> callback) = 0;
};

class Answer {
 public:
  Answer(std::shared_ptr<Answerer> to, Mailbox& mailbox, uint64_t number)
      : to_(std::move(to)), mailbox_(&mailbox), number_(number) {}

  void now(Response response) {
    if (elsewhere_) {
      return later([response = std::move(response)]() mutable { return std::move(response); });
    }
    to_->answer(number_, std::move(response));
  }
  void follow(std::unique_ptr<Follow> follow) { to_->answer(number_, std::move(follow)); }

  // For an answer that takes its time, on the session's thread.
  Mailbox& mailbox() { return *mailbox_; }
  bool is_awaited() const { return to_->is_awaited(number_); }
  void on_give_up(std::function<void()> callback) { to_->on_give_up(number_, std::move(callback)); }
  // Goes on with `handle` on the session's thread.
  template <class Handle>
  void at_home(Handle handle) {
    if (!elsewhere_) return handle(std::move(*this));
    elsewhere_ = false;
    Mailbox& mailbox = *mailbox_;
    mailbox.put([answer = std::move(*this), handle = std::move(handle)]() mutable {
      handle(std::move(answer));
    });
  }

  // Runs a handler in the pool instead of on the session's thread, when its request is so large
  // that reading it would keep others waiting. (Of a follow there is no request so large.)
  template <class Handle>
  void elsewhere(Service& service, Handle handle) {
    elsewhere_in(service.blocking, std::move(handle));
  }
  template <class Handle>
  void elsewhere_in(boost::asio::thread_pool& pool, Handle handle) {
    elsewhere_ = true;
    boost::asio::post(pool, [answer = std::move(*this), handle = std::move(handle)]() mutable {
      handle(std::move(answer));
    });
  }

  // Answers with what `make` returns, on the session's thread. What keeps the session alive moves
  // along, so that a session never dies on a thread that is not its own.
  template <class Make>
  void later(Make make) {
    Mailbox& mailbox = *mailbox_;
    mailbox.put([to = std::move(to_), number = number_, make = std::move(make)]() mutable {
      to->answer(number, make());
    });
  }

  // Answers with what `make` returns, run where it may block.
  template <class Make>
  void block(Service& service, Make make) {
    block_in(service.blocking, std::move(make));
  }
  template <class Make>
  void block_in(boost::asio::thread_pool& pool, Make make) {
    boost::asio::post(pool, [answer = std::move(*this), make = std::move(make)]() mutable {
      Response response = make();
      answer.later([response = std::move(response)]() mutable { return std::move(response); });
    });
  }

  // A completion for the engine: it only posts; `print` makes the response of a Result<T> on the
  // session's thread.
  template <class T, class Print>
  auto owe(Service& service, Print print) {
    service.owed.fetch_add(1, std::memory_order_relaxed);
    return
        [answer = std::move(*this), &service, print = std::move(print)](Result<T> result) mutable {
          answer.later([result = std::move(result), print = std::move(print)]() mutable {
            return print(std::move(result));
          });
          service.owed.fetch_sub(1, std::memory_order_acq_rel);
        };
  }

 private:
  std::shared_ptr<Answerer> to_;
  Mailbox* mailbox_;
  uint64_t number_;
  bool elsewhere_ = false;
};

}  // namespace strandline::server
