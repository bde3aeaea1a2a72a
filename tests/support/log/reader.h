// Reads a cursor or a subscription to its end and keeps what it was given.
#pragma once

#include <string>
#include <vector>

#include "engine/log.h"

namespace strandline::tests {

// An event as a reader was given it, copied out of the delivery.
struct Seen {
  std::string stream;
  uint64_t offset;
  uint64_t sequence;
  int64_t stored_us;
  std::string type;
  std::string id;
  std::string difference;  // from what payload.h says it must be; empty if it is right
};

struct SeenGap {
  Gap gap;
  size_t before;  // how many events had been given when it came
};

struct Transcript {
  std::vector<Seen> events;
  std::vector<SeenGap> gaps;
  size_t moves = 0;
  size_t caught_up = 0;
  std::vector<Lag> fell_behind;
  uint64_t position = 0;  // afterwards

  void add(const Delivery& delivery);
  std::vector<uint64_t> offsets() const;
  std::vector<uint64_t> sequences() const;
  std::vector<std::string> ids() const;
};

// Until the cursor has nothing more. Throws what next() answers in error.
Transcript read_all(Cursor& cursor);
Transcript read_all(const Log& log, ReadOptions options);

// Until the subscription stands at the tail.
Transcript drain(Subscription& subscription);

// next_for with the tests' deadline; throws when it passes.
Delivery await(Subscription& subscription);
// Until this many events have come.
Transcript await_events(Subscription& subscription, size_t events);

}  // namespace strandline::tests
