// Waits until bytes that were replaced are in no file any more (Store::purge).
//
// A table file holds one version of a key. So where one file alone may hold the key, there are no
// others; where several may, one compaction of all of them leaves the newest alone. Files that are
// in no list any more, and WALs from before the last flush, are then waited for: whoever reads them
// holds them. *Threads*: one at a time, beside the writer.
#pragma once

#include <rocksdb/db.h>

#include <functional>
#include <string>
#include <vector>

#include "engine/api/error.h"

namespace strandline {

class Purge {
 public:
  // Ends with `closed` once `go_on` says false.
  Purge(rocksdb::DB& db, const std::function<bool()>& go_on) : db_(db), go_on_(go_on) {}

  // WALs are deleted once all that they hold is in tables.
  Status await_wals_below(uint64_t number);
  // `keys` ascend. One of a single byte stands for all that begin with it, and for what is not
  // shown any more because it was removed.
  Status compact(rocksdb::ColumnFamilyHandle* family, const std::vector<std::string>& keys);
  // Tables that are there, and that no list names.
  Status await_files();

 private:
  // Sleeps a moment; false: it is to end.
  Status pause() const;

  rocksdb::DB& db_;
  const std::function<bool()>& go_on_;
};

}  // namespace strandline
