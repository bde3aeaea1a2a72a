// Reads ahead for a consumer, so that the writer never waits for a disk.
//
// It holds the next events' positions, keys and sizes, a few thousand at most, and the gaps between
// them. *Threads*: read_ahead: any, one at a time; the rest is the writer's. *Order*: take() gives
// positions ascending, each once, from where it was last moved to.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/api/consumer.h"
#include "engine/api/cursor.h"
#include "engine/state/log_state.h"

namespace strandline {

// Whether a consumer that selects this reads no stream under "dead-letters/": it would be given
// what others gave up on, and they what it gave up on, for ever.
bool leaves_out_dead_letters(const Selection& select);

// How a consumer reads: from a position, whatever became of its streams since it was made, and
// without its own dead letters.
ReadOptions reading_of(const ConsumerSettings& settings, uint64_t position);
// The types and the subjects that it takes.
void take_filter(const ConsumerSettings& settings, ReadOptions& read);

class Scout {
 public:
  struct Candidate {
    uint64_t position;
    uint64_t key;
    uint32_t bytes;
  };

  Scout(const LogState& log, SettingsPointer settings, uint64_t position);

  // Reads until `want` candidates are at hand, the tail is reached, or a few megabytes were read
  // that a filter leaves out. *Errors*: the cursor's; io where the file system fails at the very
  // next event, which is not passed.
  Status read_ahead(size_t want);

  // --- The writer's.
  const Candidate* peek();
  void take();
  // All below it is taken or left out.
  uint64_t position();
  std::vector<Gap> take_gaps();
  // They could not be told after all. Any thread.
  void put_back(std::vector<Gap> gaps);
  void move_to(uint64_t position);

 private:
  struct Found {
    std::vector<Candidate> candidates;
    std::vector<Gap> gaps;
  };

  Status open_cursor_at(uint64_t position);
  void examine(const Events& events, Found& found) const;
  uint64_t key_of(const Event& event) const;

  const LogState& log_;
  const SettingsPointer pointer_;  // what is read of them never changes
  const ConsumerSettings& settings_;

  std::mutex reading_;  // guards the cursor
  std::unique_ptr<Cursor> cursor_;
  uint64_t cursor_generation_ = 0;

  std::mutex mutex_;  // guards all below; never held while reading
  std::deque<Candidate> candidates_;
  std::vector<Gap> gaps_;
  uint64_t read_to_;
  uint64_t generation_ = 1;  // how often it was moved
};

}  // namespace strandline
