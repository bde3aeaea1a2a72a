// RocksDB's log format, which its WAL and its MANIFEST are in: what can be said of a file's bytes
// without RocksDB.
//
// A file is blocks of 32 KiB; in them stand records, each a head of 7 bytes (crc32c, length, type)
// and a payload that does not cross a block. A batch is one full record, or a first one, middle
// ones and a last. *Memory*: payloads are views of the file's bytes.
// Source: https://github.com/facebook/rocksdb/wiki/Write-Ahead-Log-File-Format
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace strandline {

inline constexpr size_t kLogBlockBytes = 32 << 10;
inline constexpr size_t kLogHeadBytes = 7;

struct LogRecord {
  enum Type : uint8_t { full = 1, first = 2, middle = 3, last = 4 };
  uint8_t type;
  std::string_view payload;
  size_t end;  // in bytes from the file's beginning

  bool begins() const { return type == full || type == first; }
  bool ends() const { return type == full || type == last; }
};
// The record at a place, if a whole one is there.
std::optional<LogRecord> record_at(std::string_view file, size_t at);
// Where the next record can stand, if none can before: a block's last few bytes hold none.
size_t past_trailer(std::string_view file, size_t at);
// Up to the end of the last of the whole records that follow each other from the beginning.
size_t whole_records(std::string_view file);

// Whether the record that should stand at `at` is not whole because pages of it never reached the
// disk, rather than because its bytes were changed: the file ends in it, or some sector of it reads
// as zeros; a head is there or not, as far as it stands in one sector.
bool is_torn(std::string_view file, size_t at);

// Adds a batch, in as many records as it takes.
void add_batch(std::string& file, std::string_view batch);

// Of a batch in the WAL: RocksDB's own numbers, u64 and u32, are its first 12 bytes.
struct BatchSpan {
  uint64_t sequence;
  uint32_t count;
  uint64_t next() const { return sequence + count; }
};
inline constexpr size_t kSpanBytes = 12;
std::optional<BatchSpan> span_of(std::string_view batch);

// What stands at the end of every batch in the WAL, as a comment of RocksDB's. The numbers are the
// store's own sequence numbers (RocksDB's, not the log's).
struct WalStamp {
  uint64_t durable;  // the last that was durable when the batch was written
  uint64_t before;   // the last before this WAL file began
};
inline constexpr size_t kStampBytes = 24;
// A stamp ends with its log's sign, eight bytes of the identity that RocksDB made of the store, at
// random. No client is told it: nothing that stands in an event passes for a batch. Empty for a
// store without an identity: then there are no stamps.
std::string sign_of(std::string_view identity);
std::string encode(const WalStamp& mark, std::string_view sign);
// Of a batch, or of the record that it ends with, if that is long enough.
std::optional<WalStamp> stamp_of(std::string_view batch, std::string_view sign);

}  // namespace strandline
