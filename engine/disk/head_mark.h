// The head mark: how far the log was durable about a second ago, in a file apart from the store.
//
// The loss of the newest WAL's end cannot be told from a crash by the WAL alone. A log that opens
// below its head mark has lost acknowledged events, and is refused. Two slots of 4 KiB, written in
// turn and fsynced, so that a torn write leaves the other. *Threads*: start's own; note: any.
//
//   a slot:  8 bytes "STRDHEAD", u64 durable next sequence, u32 crc32c of these 16 bytes, u32 zero;
//   u64 durable changes, u64 WAL, u32 crc32c of the first 16 bytes and these 16; u64 MANIFEST, u64
//   its durable bytes, u32 crc32c of all that the two before are of, and these 16; little-endian
#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "engine/api/error.h"
#include "engine/api/types.h"
#include "engine/disk/disk.h"
#include "engine/format/list_end.h"

namespace strandline {

class HeadMark {
 public:
  struct Head {
    Sequence next;
    // RocksDB's last sequence number: so that what is no event, a position, is missed as well. 0 in
    // the mark of a build that did not write it.
    uint64_t changes = 0;
    uint64_t wal = 0;  // the number of the newest WAL file: if it is missing, that is what to name
    ListEnd list;      // nothing in the mark of a build that did not write it
    auto operator<=>(const Head&) const = default;
  };
  // The mark in the directory: the higher of its valid slots; none if it has never been written.
  static Result<std::optional<Head>> read(const Disk& disk, const std::filesystem::path& directory);
  // Makes it what is given, durably, higher or lower: a new log's, or what is left of a damaged
  // one.
  static Status reset(const Disk& disk, const std::filesystem::path& directory, Head head);

  // Renews the mark about once a second from what `durable` says; not while it says nothing, for
  // the directory is another's then.
  HeadMark(const Disk& disk, const std::filesystem::path& directory,
           std::function<std::optional<Head>()> durable,
           std::function<void(const std::string&)> on_failure);
  ~HeadMark();  // renews it a last time

 private:
  void run();
  void renew();

  const Disk disk_;
  const std::filesystem::path file_;
  const std::function<std::optional<Head>()> durable_;
  const std::function<void(const std::string&)> on_failure_;
  bool exists_ = false;  // with room for both slots
  size_t slot_ = 0;      // the next to be written
  std::optional<Head> written_;
  std::mutex mutex_;  // guards stopping_
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace strandline
