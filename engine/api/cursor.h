// A read position in memory that moves over stored events, bounded by the durable tail.
//
// A cursor reads until it stands at the tail, then says so; Subscription adds the waiting. Batches
// near the tail come from the batch cache, shared; older ones from the store, through an iterator
// that lives only while the cursor is being read. rest() gives it up; nothing is pinned in between.
// *Threads*: one at a time. *Memory*: a delivery is valid until the next call. *Errors*: corrupt is
// never one: damage is delivered as a Gap and reading goes on; closed once the log is closing.
#pragma once

#include <memory>
#include <optional>

#include "engine/api/delivery.h"
#include "engine/api/error.h"

namespace strandline {

class Cursor {
 public:
  virtual ~Cursor() = default;

  // The next delivery (Events, Gap or Moved), or nothing at the tail or at the read's bounds. Scans
  // at most about a megabyte of events that the filter leaves out, then returns Moved.
  virtual Result<std::optional<Delivery>> next() = 0;

  // While told so, next() reads no disk: where it would have to, it answers nothing, or Moved
  // first, and needs_disk() is true until it is called again.
  void stay_in_memory(bool stay) { stays_in_memory_ = stay; }
  bool stays_in_memory() const { return stays_in_memory_; }
  bool needs_disk() const { return needs_disk_; }

  // The first position not yet delivered (backward: the lowest one delivered).
  virtual uint64_t position() const = 0;
  // How far the position is from the durable tail, from the log's own index.
  virtual Lag lag() = 0;
  // Whether next() would say something other than "nothing", without reading.
  virtual bool ready() const = 0;
  // Whether the next event would come from memory.
  virtual bool near_tail() const = 0;
  // Gives up the iterator, and so the files and memory that it pins. The last delivery stays valid.
  virtual void rest() = 0;
  // The same, and gives up all memory; the last delivery is no longer valid.
  virtual void release() = 0;

 protected:
  bool stays_in_memory_ = false;  // never of a backward one
  bool needs_disk_ = false;
};

}  // namespace strandline
