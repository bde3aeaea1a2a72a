// The disk itself, the yardstick of whatever must be durable: how long it takes to make the bytes
// of one small append durable, at the end of a growing file, as the log's newest WAL is one.
#pragma once

#include <filesystem>
#include <vector>

#include "bench/process.h"

namespace strandline::bench {

inline constexpr size_t kSyncBytes = 512;  // what one event of 256 bytes costs in the log's WAL

// A file that is written to and synced, again and again; removed with the object.
class SyncedFile {
 public:
  explicit SyncedFile(const std::filesystem::path& parent);
  ~SyncedFile();
  SyncedFile(const SyncedFile&) = delete;
  SyncedFile& operator=(const SyncedFile&) = delete;

  // Writes and fdatasyncs `times` times, at most `per_second` of them a second (0: one after the
  // other), and adds what each took.
  void run(int times, double per_second, std::vector<double>& took_us);

 private:
  Scratch scratch_;
  int file_;
};

}  // namespace strandline::bench
