// A response that does not end: what there is to read, and the form in which it is printed.
//
// It only prints, into a buffer that its caller bounds; the waiting and the writing are the
// session's (session_follow.cc), whose thread it belongs to; only fill_from_disk() runs elsewhere,
// and nothing else of it meanwhile. A subscription's client that a filter gives nothing is told,
// whenever it has caught up, how far it has come. *Memory*: while a run of events is printed in
// part, the subscription holds the batch that it is in; rest() lets go of everything else.
// *Errors*: it ends when the log closes.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/log.h"
#include "server/connection/principal.h"
#include "server/wire/form.h"

namespace strandline::server {

class Follow {
 public:
  virtual ~Follow() = default;
  virtual std::string_view media_type() const = 0;
  virtual std::string headers() const { return {}; }  // whole lines

  virtual void open(std::string& out) = 0;

  enum class Filled { more, nothing_left, needs_disk, closed };
  // Prints until `out` holds `bytes_max`, or there was much to leave out (more), or there is
  // nothing to read now, or ever again, or nothing in memory. Never waits for the disk.
  virtual Filled fill(std::string& out, size_t bytes_max) = 0;
  // What fill() needs the disk for, where waiting for it keeps nobody up. Never answers needs_disk.
  virtual Filled fill_from_disk(std::string& out, size_t bytes_max) { return fill(out, bytes_max); }

  virtual void keepalive(std::string& out) = 0;
  // The last of it: who asked for it may not have more, and why.
  virtual void say_ended(std::string& out, std::string_view reason) = 0;
  // Before waiting for a slow socket.
  virtual void rest() = 0;
  // Calls back once, as soon as there is something to fill with; at once, if there is now. Any
  // thread.
  virtual void on_ready(std::function<void()> callback) = 0;
};

// Of several streams it shows those that who asks may read.
class SubscriptionFollow : public Follow {
 public:
  SubscriptionFollow(Subscription subscription, std::unique_ptr<Form> form, Places places,
                     Principal principal)
      : form_(std::move(form)),
        subscription_(std::move(subscription)),
        places_(places),
        principal_(std::move(principal)),
        told_(subscription_.position()) {}

  std::string_view media_type() const override { return form_->media_type(); }
  void open(std::string& out) override { form_->open_stream(out, subscription_.position()); }
  Filled fill(std::string& out, size_t bytes_max) override;
  Filled fill_from_disk(std::string& out, size_t bytes_max) override;
  void keepalive(std::string& out) override { form_->keepalive(out, subscription_.position()); }
  void say_ended(std::string& out, std::string_view reason) override { form_->ended(out, reason); }
  void rest() override { subscription_.rest(); }
  void on_ready(std::function<void()> callback) override {
    subscription_.on_ready(std::move(callback));
  }

 protected:
  const std::unique_ptr<Form> form_;

 private:
  using Read = Result<std::optional<Delivery>> (Subscription::*)();
  Filled fill(std::string& out, size_t bytes_max, Read read);
  bool print(std::string& out, size_t bytes_max);
  bool is_hidden() const;
  void tell_position(std::string& out);

  Subscription subscription_;
  const Places places_;
  const Principal principal_;
  std::optional<Delivery> delivery_;  // not yet printed to its end
  uint32_t printed_ = 0;              // events of it
  uint64_t told_;                     // the position that follows from what was printed
};

// Of a stream that does not exist yet: it waits until it does, then follows it from where it was
// asked to begin. Whatever place that names (the latest, the last N), all that comes is newer. An
// offset that the stream does not have yet is out of range, as it is of a stream that is there.
//
// It is woken by the log's own stream, which moves with every event. So a stream that was created
// empty is found with the next event of any stream, which its first is at the latest.
class AwaitingFollow : public Follow {
 public:
  static Result<std::unique_ptr<Follow>> start(const Log& log, ReadOptions read,
                                               std::unique_ptr<Form> form, Places places,
                                               Principal principal);

  std::string_view media_type() const override { return media_type_; }
  void open(std::string& out) override;
  Filled fill(std::string& out, size_t bytes_max) override;
  Filled fill_from_disk(std::string& out, size_t bytes_max) override;
  void keepalive(std::string& out) override;
  void say_ended(std::string& out, std::string_view reason) override;
  void rest() override;
  void on_ready(std::function<void()> callback) override;

 private:
  AwaitingFollow(const Log& log, ReadOptions read, Subscription watch, std::unique_ptr<Form> form,
                 Places places, Principal principal);
  // As far as it is known: of a stream that has never been there, 0.
  uint64_t position() const {
    return read_.from.kind == From::Kind::position ? read_.from.number : 0;
  }

  const Log& log_;
  ReadOptions read_;
  Subscription watch_;  // of what is appended to a stream of this name, and of names that go on
  std::unique_ptr<Form> form_;  // until there is a follow
  const std::string_view media_type_;
  const Places places_;
  const Principal principal_;
  std::unique_ptr<Follow> follow_;
};

}  // namespace strandline::server
