// A stored batch: the value of one key of the events family. It is written once and read as it is.
//
//   byte  0  u8   version          1
//         1  u8   flags            1: the log's own record, whose parts are ranges
//         2  u16  zero
//         4  u32  count            events
//         8  u64  first            offset of the first event
//        16  u64  sequence         of the first event
//        24  i64  stored_us        microseconds since the epoch
//        32  u64  bytes_before     of the stream's stored batches below this one
//        40  u32  bytes            of this whole value
//        44  u32  crc32c           over the key, and the value without this field
//        48       parts, each a multiple of 8 bytes long:
//                   u32 bytes of the FlatBuffer, u32 count, u64 sequence of its first event,
//                   the FlatBuffer, zeros
//                 or, in the log's own record, ranges of 24 bytes each:
//                   u64 stream, u64 first offset of the stored batch, u32 skip, u32 count
//
// All little-endian. A part is one append's batch: small appends to one stream that meet in one
// group share a value. Parts follow each other in offset, not in sequence, for a group interleaves
// streams.
//
// *Invariants* (checked when written, and again when read): the key's first offset is the value's;
// the parts' counts add up to count; offsets are contiguous through the parts.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/api/types.h"
#include "engine/format/keys.h"

namespace strandline {

inline constexpr uint8_t kStoredBatchVersion = 1;
inline constexpr size_t kStoredHeadBytes = 48;
inline constexpr size_t kPartHeadBytes = 16;
inline constexpr size_t kRangeBytes = 24;

struct StoredHead {
  uint8_t flags = 0;
  uint32_t count = 0;
  Offset first;
  Sequence sequence;
  Timestamp stored;
  uint64_t bytes_before = 0;
};

// One append's batch inside a stored one.
struct Part {
  std::string_view flatbuffer;
  uint32_t count;
  Offset first;
  Sequence sequence;
  size_t next_at;  // where the following part begins, in bytes of the value
};

// A run of events of one stream, in the log's own record.
struct Range {
  StreamId stream;
  Offset batch_first;  // the key of the stored batch that holds it
  uint32_t skip;       // events of that batch before the range
  uint32_t count;
  Offset first() const { return batch_first + skip; }
};

// Collects parts, or ranges, into a value.
class StoredBatchWriter {
 public:
  StoredBatchWriter() { bytes_.resize(kStoredHeadBytes); }

  void add_part(std::string_view flatbuffer, uint32_t count, Sequence sequence);
  void add_range(const Range& range);
  uint32_t count() const { return count_; }
  size_t bytes() const { return bytes_.size(); }
  // Fills in the head and the checksum.
  std::string finish(const EventKey& key, Sequence sequence, Timestamp stored,
                     uint64_t bytes_before);

 private:
  std::string bytes_;
  uint32_t count_ = 0;
  bool ranges_ = false;
};

// A view of a value that has passed its checks.
class StoredBatch {
 public:
  // What is wrong with the value, if anything: its checksum, its place, its lengths.
  static std::optional<std::string> check(const EventKey& key, std::string_view value);
  // `value` has passed.
  StoredBatch(StreamId stream, std::string_view value);

  StreamId stream() const { return stream_; }
  const StoredHead& head() const { return head_; }
  Offset first() const { return head_.first; }
  Offset next() const { return head_.first + head_.count; }
  bool covers(Offset offset) const { return offset >= first() && offset < next(); }
  std::string_view value() const { return value_; }

  Part first_part() const { return part_at(kStoredHeadBytes, head_.first); }
  // The part after `part`; there is one as long as its events are below next().
  Part part_after(const Part& part) const { return part_at(part.next_at, part.first + part.count); }
  // The part that covers an offset which this batch covers.
  Part part_covering(Offset offset) const;

  size_t range_count() const { return (value_.size() - kStoredHeadBytes) / kRangeBytes; }
  Range range(size_t i) const;

 private:
  Part part_at(size_t at, Offset first) const;

  StreamId stream_;
  std::string_view value_;
  StoredHead head_;
};

// A stored batch in memory, shared by whoever reads it.
struct SharedBatch {
  SharedBatch(StreamId stream, std::string bytes)
      : bytes(std::move(bytes)), batch(stream, this->bytes) {}
  SharedBatch(const SharedBatch&) = delete;
  SharedBatch& operator=(const SharedBatch&) = delete;

  const std::string bytes;
  const StoredBatch batch;
};
using BatchPointer = std::shared_ptr<const SharedBatch>;

}  // namespace strandline
