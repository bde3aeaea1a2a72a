// The stored batches in a table file of the events family, found by what they are: without the
// table's index, properties and footer, any of which RocksDB cannot do without.
//
// A block of such a table holds batches, each with its whole key (store_options.cc); it is there as
// it is, or compressed with zstd. Each batch carries its key's offset, its length and a checksum
// over both key and value: a scan finds every batch that is whole, and none that is not. In a block
// that was not compressed, a bad bit costs it one batch. *Threads*: any, once made. *Memory*: 56
// bytes a batch; the values are read from the file when they are asked for.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/error.h"
#include "engine/format/keys.h"

namespace strandline {

class Salvage {
 public:
  // Reads the whole file.
  static Result<std::shared_ptr<const Salvage>> of(const std::filesystem::path& table);

  struct Found {
    EventKey key;
    std::string value;  // that has passed StoredBatch::check
  };
  size_t count() const { return places_.size(); }
  // In the order of their keys; nothing if the file has changed since.
  std::optional<Found> at(size_t i) const;
  // The last batch at or below a key; the first at or above it; nothing if there is none.
  std::optional<Found> at_or_below(const EventKey& key) const;
  std::optional<EventKey> at_or_above(const EventKey& key) const;

 private:
  struct Place {
    EventKey key;
    uint64_t at;  // of its entry, or of its compressed block, in bytes from the file's beginning
    uint64_t bytes;
    std::optional<size_t> inside;  // of the block, once it is not compressed any more
  };
  void add_entries(std::string_view block, size_t at, size_t length);

  std::filesystem::path table_;
  std::vector<Place> places_;  // sorted by key
};

// Those of tables in which readers have met damage. They are kept, because a scan reads the whole
// file. Any thread.
class Salvages {
 public:
  // Null if the file cannot be read.
  std::shared_ptr<const Salvage> of(const std::filesystem::path& table);

 private:
  std::mutex mutex_;  // guards made_
  std::map<std::filesystem::path, std::shared_ptr<const Salvage>> made_;
};

}  // namespace strandline
