// Every limit and every setting of the engine, with unit, default and reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "engine/api/administration.h"

namespace strandline {

class Clock;

struct Limits {
  // One event: larger payloads belong in an object store, with a reference in the event.
  size_t event_bytes_max = 1 << 20;
  // One batch, and so one key of the store: bounds what one bad bit can cost and what a read holds.
  size_t batch_bytes_max = 8 << 20;
  size_t batch_events_max = 65'536;
  size_t attributes_max = 64;  // extension attributes of one event
  // Of an attribute's name. CloudEvents asks for 20 at most, and forbids no more.
  size_t attribute_name_bytes_max = 255;
  // What the log adds to an event that it copies to a dead-letter stream (event_rules.h): it counts
  // by itself and not as the event's own, so that the copy of the largest event is an event.
  size_t dead_letter_bytes_max = 32 << 10;
  // How deep an event's JSON data may nest, whatever it arrives in: what usual parsers read.
  size_t json_levels_max = 128;
  // One atomic append over several streams.
  size_t append_streams_max = 100'000;
  size_t append_bytes_max = 32 << 20;
  // One commit group: long enough to share an fsync among a crowd, short enough that the next is
  // filled while it is fsynced (measured: 1 to 2 MiB is best, by a tenth over 256 KiB or 4 MiB).
  size_t commit_group_bytes_max = 1 << 20;
  // What may wait for the writer; past it an append is answered `busy` at once.
  size_t queue_bytes_max = 64 << 20;
  size_t queue_appends_max = 65'536;
  // Written and not yet fsynced: bounds what waits on a slow disk.
  size_t unsynced_bytes_max = 64 << 20;
  size_t name_bytes_max = 255;
  size_t streams_max = 10'000'000;
  // Named consumers, the members of one that were heard of, what one may have unacked (memory and
  // the time to open), what one settlement may name, and the patterns of one type filter.
  size_t named_consumers_max = 1'000'000;
  size_t members_max = 10'000;
  size_t unacked_max = 1'000'000;
  size_t settle_positions_max = 65'536;
  size_t dead_letters_max = 1'000'000;  // that one consumer keeps account of
  size_t selection_names_max = 10'000;
  size_t patterns_max = 100;
  size_t consumers_max = 1'000'000;  // (consumer, stream) pairs with a committed position
  // (stream, producer) pairs whose place is kept in memory, about 250 bytes each; the others' is
  // looked up when they append.
  size_t producers_cached_max = 100'000;
  // Idempotency keys and processed ids that are kept at a time: about a hundred bytes of disk each.
  size_t expiring_max = 100'000'000;
  size_t api_keys_max = 10'000;  // with those that are revoked: all are read when a key changes
  uint64_t once_ttl_s_max = 10ull * 366 * 24 * 3600;  // ten years: past that, keep events
};

struct Options {
  enum class Mode {
    owner,     // reads and writes; one process at a time
    observer,  // reads a directory, running or not, without disturbing its owner
  };

  Mode mode = Mode::owner;
  bool create_if_missing = true;
  // Opens a log whose end is older than its head mark, or whose WAL is damaged: the recovery report
  // says what is lost. Never set by default, because a log must not open silently shorter.
  bool accept_loss = false;
  // Appending to a stream that does not exist creates it; otherwise such an append is not_found.
  bool create_streams_on_append = true;

  Limits limits = {};

  // Writes administrative acts down in `$admin` (administration.h). The server has it on. Off for a
  // program that embeds the log: it knows what it does, and counts on its sequences being its own.
  bool record_administration = false;
  // Who acts, where a call does not say.
  Actor actor = {};

  // The newest batches, kept in memory and shared by every reader near the tail.
  size_t batch_cache_bytes = 64 << 20;
  size_t block_cache_bytes = 128 << 20;  // decompressed blocks, for readers of history
  size_t stripe_scans_bytes = 96 << 20;  // stripes, for readers of many streams' history

  // A segment is rolled at this size or age: the grain in which retention can drop history.
  size_t segment_bytes_max = 256 << 20;
  uint64_t segment_age_max_s = 24 * 3600;
  // Inside a segment, events are kept stream by stream in stripes of this size. A reader of the
  // whole log holds one stripe in memory, and a reader of one stream finds its events in as many
  // places as there are stripes: 16 MiB reads both fast (docs/house.md).
  size_t stripe_bytes_max = 16 << 20;

  // How long an append that asked for `accepted` may wait for its fsync.
  uint64_t accepted_sync_interval_ms = 50;

  // How long the answer to a request with an idempotency key is kept.
  uint64_t idempotency_ttl_s = 24 * 3600;

  // Appends are refused below this much free space, so that RocksDB never meets ENOSPC: its own
  // flushes and compactions need room for about two segments. Consumers' operations, and commits,
  // are refused below half of it.
  uint64_t disk_reserve_bytes = 512ull << 20;

  // Null: the system's clock. Tests move their own.
  std::shared_ptr<Clock> clock = nullptr;
  // Null: the file system of the operating system. Tests inject faults here (a
  // rocksdb::FileSystem).
  std::shared_ptr<void> file_system = nullptr;
  // What the store has to say (warnings and errors of RocksDB); null drops it. Any thread.
  std::function<void(const std::string&)> on_warning = nullptr;
};

}  // namespace strandline
