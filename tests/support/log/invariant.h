// *INV*: what must hold after any fault, defined here and nowhere else.
//
//   1. Every acknowledged event is there exactly once, at the offset it was acknowledged with, with
//      its bytes (unless its stream's start has passed it: what is gone was removed on purpose).
//      However often its producer sends it again, in whatever life, it is acknowledged there.
//   2. Offsets are contiguous from start to tail, and sequences have no hole and no duplicate.
//   3. The order respects real time: A acknowledged before B was sent means A is before B.
//   4. What was answered *outcome unknown*, or not at all, is there once or not at all; several
//      events of one append are there together, in order, or not at all. What was refused is not.
//   5. What a reader was ever shown is there, at the offset it was shown with.
//   6. A committed position that was acknowledged is never lower afterwards, and none is past its
//      tail.
//
// A Ledger keeps what was sent, answered and shown while the faults happen; `violations` compares
// it with what is stored. *Threads*: any.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "engine/log.h"
#include "tests/support/http/http.h"

namespace strandline::tests {

// Everything that a log holds, as some reader was given it.
struct Stored {
  struct Entry {
    std::string id;
    uint64_t sequence;
  };
  struct Stream {
    uint64_t start = 0;
    uint64_t tail = 0;
    std::vector<Entry> events;  // those of [start, tail), in order
  };
  std::map<std::string, Stream> streams;
  std::map<std::pair<std::string, std::string>, uint64_t> positions;  // by consumer and stream
  std::vector<std::string> wrong;  // found while reading: bytes, offsets, gaps
};

Stored stored_in(const Log& log);
// Over HTTP; asks for the positions of these consumers.
Stored stored_at(const Address& address, const std::vector<std::string>& consumers = {});

class Ledger {
 public:
  using Ticket = size_t;

  // Before an append of these ids is sent.
  Ticket sent(const std::string& stream, std::vector<std::string> ids);
  // Its answers. Without one of them its outcome is unknown. What is sent again is acknowledged
  // again.
  void acknowledged(Ticket ticket, uint64_t first, uint64_t sequence);
  void refused(Ticket ticket);

  void shown(const std::string& stream, uint64_t offset, const std::string& id);
  void committed(const std::string& consumer, const std::string& stream, uint64_t next);

  // What breaks INV, in words; empty if it holds.
  std::vector<std::string> violations(const Stored& stored) const;
  size_t acknowledged_events() const;
  size_t shown_events() const;

 private:
  struct Sent {
    std::string stream;
    std::vector<std::string> ids;
    uint64_t sent_at;          // on a clock that counts what happens here
    uint64_t answered_at = 0;  // 0: not acknowledged
    uint64_t first = 0;
    uint64_t sequence = 0;
    bool refused = false;
  };

  mutable std::mutex mutex_;  // guards all below
  uint64_t now_ = 0;
  std::vector<Sent> sent_;
  size_t acknowledged_events_ = 0;
  std::map<std::string, std::map<uint64_t, std::string>> shown_;
  std::vector<std::string> shown_twice_;  // one offset, two events
  std::vector<std::string> moved_;        // one append, acknowledged at two places
  std::map<std::pair<std::string, std::string>, uint64_t> committed_;
};

}  // namespace strandline::tests
