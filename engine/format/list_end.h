// How far the store's list of its tables is durable: the MANIFEST that CURRENT names for good, and
// how many of its bytes are fsynced, in it and in its copy.
//
// The head mark knows it (head_mark.h), so that a list that was cut off, or is an older one, is
// refused before RocksDB sees it and deletes the tables that it does not name (table_list.h).
#pragma once

#include <compare>
#include <cstdint>
#include <mutex>

namespace strandline {

struct ListEnd {
  uint64_t manifest = 0;  // its number; 0: nothing is known
  uint64_t bytes = 0;
  auto operator<=>(const ListEnd&) const = default;
};

// Told by the file system under an open store. *Threads*: any.
class ListWatch {
 public:
  void synced(ListEnd end);
  // CURRENT names it, which is durable once RocksDB goes on: with its next fsync, or opened().
  void named(uint64_t manifest);
  void opened();
  ListEnd durable() const;

 private:
  mutable std::mutex mutex_;  // guards all below
  uint64_t named_ = 0;
  ListEnd synced_;
  ListEnd durable_;
};

}  // namespace strandline
