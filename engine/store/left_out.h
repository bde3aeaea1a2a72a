// What compactions of the events family leave out: the events of dropped segments always; and,
// while a segment is rewritten, those of it that nobody can read any more.
//
// A rewriting is a compaction that runs on the thread that asked for it (Store::rewrite), and is
// found by that: RocksDB's own compactions leave out nothing of a segment that is there, because
// the index of types and subjects says how many batches there are. *Threads*: as each says.
#pragma once

#include <rocksdb/compaction_filter.h>

#include <functional>
#include <memory>
#include <string_view>

#include "engine/format/keys.h"
#include "engine/store/dropped.h"

namespace strandline {

struct Rewriting {
  SegmentId segment;
  std::function<bool(const EventKey& key, std::string_view value)> is_dead;
  std::function<void(uint64_t bytes)> passed;  // so many went in: it may wait
  uint64_t removed_bytes = 0;                  // of values that were left out
};

// Of this thread, while there is one.
class RewritingHere {
 public:
  explicit RewritingHere(Rewriting& rewriting);
  ~RewritingHere();
  RewritingHere(const RewritingHere&) = delete;
  RewritingHere& operator=(const RewritingHere&) = delete;
};

// `dropped` is what keys are held against; it must outlive the database.
std::shared_ptr<rocksdb::CompactionFilterFactory> left_out_factory(const Dropped* dropped);

}  // namespace strandline
