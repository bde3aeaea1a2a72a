// A response that does not end: a subscription, and the form in which it is printed.
//
// A client that a filter gives nothing is told, whenever it has caught up, how far it has come.
// It only prints, into a buffer that its caller bounds; the waiting and the writing are the
// session's (session_follow.cc). *Memory*: while a run of events is printed in part, the
// subscription holds the batch that it is in; otherwise rest() lets go of everything. *Errors*: the
// subscription ends when the log closes.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/subscription.h"
#include "server/form.h"

namespace strandline::server {

class Follow {
 public:
  Follow(Subscription subscription, std::unique_ptr<Form> form, Places places)
      : subscription_(std::move(subscription)),
        form_(std::move(form)),
        places_(places),
        told_(subscription_.position()) {}

  std::string_view media_type() const { return form_->media_type(); }

  void open(std::string& out) { form_->open_stream(out, subscription_.position()); }

  enum class Filled { more, nothing_left, closed };
  // Prints until `out` holds `bytes_max` (more), or there is nothing to read now, or ever again.
  Filled fill(std::string& out, size_t bytes_max);

  void keepalive(std::string& out) { form_->keepalive(out, subscription_.position()); }
  // Before waiting for a slow socket.
  void rest() {
    if (!delivery_) subscription_.rest();
  }
  // As Subscription::on_ready.
  void on_ready(std::function<void()> callback) { subscription_.on_ready(std::move(callback)); }

 private:
  bool print(std::string& out, size_t bytes_max);
  void tell_position(std::string& out);

  Subscription subscription_;
  std::unique_ptr<Form> form_;
  const Places places_;
  std::optional<Delivery> delivery_;  // not yet printed to its end
  uint32_t printed_ = 0;              // events of it
  uint64_t told_;                     // the position that follows from what was printed
};

}  // namespace strandline::server
