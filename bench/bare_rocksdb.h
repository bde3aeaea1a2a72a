// The yardstick of the engine: RocksDB with nothing around it.
//
// The writer puts the same FlatBuffers under keys of the shape that the log's `events` family has
// (segment, stream, first offset), behind a prefix of the same size, with the very options of the
// log's store, and `sync=true` on each WriteBatch: what somebody would write who needs durable
// appends and has an afternoon. It assigns offsets, but keeps no index, no order of commits and no
// checksums of its own, checks no conditions, and wakes nobody. The reader is one iterator over a
// log's own tables. *Errors*: Failure.
#pragma once

#include <rocksdb/db.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "bench/workload.h"
#include "engine/api/batch.h"
#include "engine/format/keys.h"

namespace strandline::bench {

// Batches in one WriteBatch, and so under one fsync: 10 of 100 events, the measure in the design. A
// loop that waits for its fsync has at hand what came in meanwhile from one or a few producers;
// that larger groups make it faster is shown in a row of its own.
inline constexpr uint32_t kGroupBatches = 10;

class BareWriter {
 public:
  explicit BareWriter(const std::filesystem::path& directory);

  // Writes groups for `seconds`, streams taking turns batch by batch; answers events per second.
  double append(std::span<const Batch> batches, uint32_t streams, uint32_t group_batches,
                double seconds);

 private:
  std::unique_ptr<rocksdb::DB> db_;
};

class BareReader {
 public:
  // `directory` is a closed log's.
  explicit BareReader(const std::filesystem::path& directory);
  ~BareReader();

  struct Scanned {
    uint64_t events = 0;  // by the values' heads
    uint64_t bytes = 0;   // of the values
    uint64_t sum = 0;     // of their words: every byte was touched
  };
  // All batches of a stream, by its number, in the order of their offsets.
  Scanned scan(uint64_t stream);
  // Those of all streams but the log's own, in the order of their keys.
  Scanned scan_all();

 private:
  static void take(const rocksdb::Slice& value, Scanned& scanned);

  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
  std::unique_ptr<rocksdb::Iterator> events_;
  std::vector<StripeId> stripes_;
};

}  // namespace strandline::bench
