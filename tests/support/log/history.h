// What concurrent clients did to one stream and its committed positions, and what each was
// answered: a history. Whether one exists in a single order is linearizable.h's question.
//
// Moments are counted, not timed: a clock that everything in the test counts on, so that "answered
// before the other was sent" is exact. *Threads*: any, for Recorder.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace strandline::tests {

// A committed position that is to be moved, alone or beside an append.
struct Move {
  std::string consumer;
  std::optional<uint64_t> expected = {};  // it must stand here; 0 where there is none
  uint64_t next = 0;
};

struct Operation {
  enum class Kind {
    append,    // of `ids`, perhaps with `move` beside them; of no ids: a commit alone
    read,      // of `ids` from `number` on
    position,  // of `consumer`, which stood at `number`
  };
  enum class Outcome {
    done,          // append: at offset `number`; a commit alone: now at `number`
    conflict,      // the next offset, or the position, is `number`
    out_of_range,  // the position asked for is past the tail, which is `number`
    unknown,       // no answer, or that one: it took effect before `answered`, or never does
  };

  Kind kind = Kind::append;
  int client = 0;
  uint64_t invoked = 0;
  uint64_t answered = 0;
  Outcome outcome = Outcome::done;
  uint64_t number = 0;
  std::vector<std::string> ids = {};
  std::optional<uint64_t> expected = {};  // append: the stream's next offset must be this
  std::optional<Move> move = {};
  std::string consumer = {};
  bool to_tail = false;  // read: and there was nothing more
};

std::string describe(const Operation& operation);

class Recorder {
 public:
  using History = std::vector<Operation>;

  uint64_t now() { return ++clock_; }
  // `answered` is now, unless the outcome is unknown: then it is set by end_life.
  void add(const std::string& stream, Operation operation);
  // What is unknown so far has taken effect by now, or never will: what was there has been killed,
  // or has failed, and has been opened again.
  void end_life();
  // The world stopped at this moment, whatever was seen and answered later.
  void stop_at(uint64_t moment);

  size_t operations() const;

  std::map<std::string, History> histories() const;

 private:
  std::atomic<uint64_t> clock_{0};
  mutable std::mutex mutex_;  // guards histories_
  std::map<std::string, History> histories_;
};

}  // namespace strandline::tests
