// Where the next key of a stream goes in a memtable: beside the last one. RocksDB remembers that
// place for each prefix of keys, and so need not search the whole memtable for it.
//
// A place takes some 300 bytes for as long as the memtable lives, more than a small event. So one
// is remembered only for a stream that was written to several times lately. *Threads*: RocksDB's
// writer asks, one at a time; should there be more, they may miss a hint, and nothing else.
#pragma once

#include <rocksdb/slice_transform.h>

#include <array>
#include <atomic>
#include <cstdint>

namespace strandline {

class InsertHints : public rocksdb::SliceTransform {
 public:
  // For keys of this length only. No ranges may be deleted from the family that uses it: RocksDB
  // 7.8 takes their places for keys' (its issue #5118).
  InsertHints(size_t key_bytes, size_t prefix_bytes)
      : key_bytes_(key_bytes), prefix_bytes_(prefix_bytes) {}

  const char* Name() const override { return "strandline.insert-hints"; }
  rocksdb::Slice Transform(const rocksdb::Slice& key) const override {
    return {key.data(), prefix_bytes_};
  }
  // Counts: asked once for each key that is inserted.
  bool InDomain(const rocksdb::Slice& key) const override;

 private:
  static constexpr size_t kSlots = 4096;

  const size_t key_bytes_, prefix_bytes_;
  // Prefixes that were met lately, as hashes, and in the lowest byte how often; each is in one of
  // two slots beside each other. Those that are met instead of one wear it off.
  mutable std::array<std::atomic<uint64_t>, kSlots> met_{};
};

}  // namespace strandline
