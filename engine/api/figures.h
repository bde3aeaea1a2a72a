// What a look inside a log shows: figures of the log and of a stream, and single records, in bytes
// and in words. Plain values, owned by who asked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/api/log_info.h"

namespace strandline {

// Of the log's fsyncs since it was opened. A percentile is the upper end of the range of powers of
// two that it lies in, so that it is at most twice too high.
struct SyncLatency {
  uint64_t count = 0;
  uint64_t mean_us = 0;
  uint64_t p50_us = 0;
  uint64_t p99_us = 0;
  uint64_t max_us = 0;
};

// What was stored within so many seconds before the log's clock. Counted from what is kept, so that
// a log that was opened just now, or is not running, answers alike.
struct Rate {
  uint64_t seconds = 0;
  uint64_t events = 0;
};

struct LogFigures {
  std::string directory;
  uint64_t streams = 0;  // that exist
  uint64_t events = 0;   // that they keep
  uint64_t bytes = 0;    // of the stored batches of these, as they were before compression
  uint64_t segments = 0;
  uint64_t dead_bytes = 0;  // of segments that are kept: nobody can read these any more

  // --- On disk.
  uint64_t tables = 0;
  uint64_t event_table_bytes = 0;
  uint64_t record_table_bytes = 0;  // of everything else: streams, positions, indexes, ...
  uint64_t wal_bytes = 0;

  // --- In memory.
  uint64_t unflushed_bytes = 0;
  uint64_t block_cache_bytes = 0;
  uint64_t table_reader_bytes = 0;
  uint64_t batch_cache_bytes = 0;

  // --- Since it was opened; an observer writes nothing.
  uint64_t appended_bytes = 0;  // of the stored batches that came
  uint64_t wal_bytes_written = 0;
  uint64_t table_bytes_written = 0;  // by flushes and compactions
  SyncLatency sync;

  std::vector<Rate> rates;  // the last minute, hour and day
  std::optional<Timestamp> last_stored;
  Timestamp now;

  // Bytes written for each byte that was appended; nothing, if nothing was.
  std::optional<double> write_amplification() const {
    if (appended_bytes == 0) return std::nullopt;
    return static_cast<double>(wal_bytes_written + table_bytes_written) /
           static_cast<double>(appended_bytes);
  }
};

struct StreamFigures {
  StreamInfo info;
  // About: events of several streams share a compressed block.
  uint64_t disk_bytes = 0;
  std::vector<Rate> rates;  // the last minute, hour and day
};

// A record, a stored batch or a segment. `words` say what it means, a line each; `key` and `value`
// are its bytes, if it has any.
struct Inspected {
  std::string what;  // "a stored batch", in a few words
  std::vector<std::pair<std::string, std::string>> words;
  std::string family;  // of the store; empty: it is no single record
  std::string key;
  std::string value;
  std::string withheld;  // why the value is not here, if it is not
};

}  // namespace strandline
