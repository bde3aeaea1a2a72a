// Going on after a server went away: reading from the very position it had reached.
//
// A lost connection, a server that drains, and one that is not up again yet are waited out with a
// backoff of up to a second; a line on stderr says so, once. Anything else is an error of the log's
// and is passed on. *Threads*: one.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "tools/connection/log_handle.h"

namespace strandline::tools {

// Whether the same request may succeed once the server is back. Says nothing on what was applied.
bool is_away(const Error& error);

// The waits between attempts, and their end.
class Backoff {
 public:
  explicit Backoff(std::chrono::seconds patience) : patience_(patience) {}
  // Waits a little; false once nothing has worked for all the patience, or Interrupt is raised.
  bool wait();
  void worked();  // an attempt did

 private:
  std::chrono::seconds patience_;
  std::chrono::milliseconds delay_{0};
  std::optional<std::chrono::steady_clock::time_point> since_;  // the first failure
};

// A reader that resumes by itself. The log must outlive it.
class ResumingReader : public Reader {
 public:
  // `reader` may be null: it is opened by the first next().
  ResumingReader(LogHandle& log, ReadRequest request, std::unique_ptr<Reader> reader,
                 std::chrono::seconds patience)
      : log_(log), request_(std::move(request)), backoff_(patience), reader_(std::move(reader)) {}

  Result<std::optional<Delivery>> next(std::chrono::milliseconds patience) override;
  std::optional<uint64_t> position() const override;

 private:
  // Says what happened and waits; an error once it is time to give up.
  Status go_on(const Error& error);

  LogHandle& log_;
  ReadRequest request_;  // as it would have to be asked now
  Backoff backoff_;
  std::unique_ptr<Reader> reader_;
  bool away_ = false;
};

}  // namespace strandline::tools
