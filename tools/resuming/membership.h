// A member of a named consumer that goes on when its server was away, or when it was reset: it
// joins again.
//
// *Threads*: one. *Errors*: those that waiting does not solve; `closed` once Interrupt is raised;
// `fenced` where another reader has taken over an exclusive consumer.
#pragma once

#include <optional>
#include <string>

#include "tools/connection/log_handle.h"
#include "tools/resuming/resume.h"

namespace strandline::tools {

class Membership {
 public:
  Membership(LogHandle& log, const ConsumerInfo& consumer);

  // Waits up to `wait`. What was to be settled goes along.
  Result<Fetched> fetch(size_t events_max, std::chrono::milliseconds wait);
  // Of a group: to be said with the next fetch, or by flush().
  void ack(uint64_t position) { pending_.acks.push_back(Span::of(position)); }
  void nack(uint64_t position, uint64_t delay_ms, std::string reason);
  void extend(uint64_t position) { pending_.extends.push_back(Span::of(position)); }
  // It was not tried: others get it at once, and no attempt is counted.
  void give_back(uint64_t position) { pending_.returns.push_back(Span::of(position)); }
  Status flush();
  // Of an exclusive consumer: all below `next` is handled.
  Status commit(uint64_t next);
  // Of an exclusive consumer: what it was given failed. It joins again, and what it is given then
  // is another attempt, or what comes next if that was the last one.
  Status end_attempt();
  // Untried: what it has counts no attempt.
  Status leave(bool untried = false);

  // Not while it has to join again.
  bool is_joined() const { return epoch_ != 0; }
  bool has_pending() const { return !is_empty(pending_); }
  // How often it joined: what was given before the last time is somebody else's.
  uint64_t joined() const { return joined_; }

 private:
  static bool is_empty(const Settle& settle) {
    return settle.acks.empty() && settle.nacks.empty() && settle.extends.empty() &&
           settle.returns.empty();
  }
  Status join();
  // After an error: waits, or joins again, or passes it on.
  Status recover(const Error& error);
  Status rejoin_unless_taken(const Error& error);
  void skip_handled(Fetched& fetched) const;

  LogHandle& log_;
  const bool is_server_;
  const std::string name_;
  const std::string scope_;
  const bool group_;
  uint64_t epoch_ = 0;  // 0: to join
  uint64_t joined_ = 0;
  Settle pending_;
  uint64_t committed_ = 0;
  std::optional<uint64_t> handled_;  // below it, all is, whatever was committed
  Backoff backoff_;
  bool away_ = false;
};

}  // namespace strandline::tools
