// What the rooms of a log share. Each member says by itself which thread may touch what.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "engine/api/clock.h"
#include "engine/api/options.h"
#include "engine/disk/directory_identity.h"
#include "engine/state/access.h"
#include "engine/state/alarms.h"
#include "engine/state/batch_cache.h"
#include "engine/state/consumers.h"
#include "engine/state/event_index.h"
#include "engine/state/expiring.h"
#include "engine/state/failure.h"
#include "engine/state/idempotency.h"
#include "engine/state/part.h"
#include "engine/state/positions.h"
#include "engine/state/producers.h"
#include "engine/state/segments.h"
#include "engine/state/stored_events.h"
#include "engine/state/streams.h"
#include "engine/state/stripe_scans.h"
#include "engine/state/tail.h"
#include "engine/store/salvage.h"
#include "engine/store/store.h"

namespace strandline {

struct AtomicCounters {
  std::atomic<uint64_t> appends{0};
  std::array<std::atomic<uint64_t>, kCodes> appends_refused{};  // by why
  std::atomic<uint64_t> appends_retried{0};
  std::atomic<uint64_t> events_appended{0};
  std::atomic<uint64_t> bytes_appended{0};
  std::atomic<uint64_t> groups{0};
  std::atomic<uint64_t> syncs{0};
  std::atomic<uint64_t> sync_us_total{0};
  std::atomic<uint64_t> store_batches_read{0};
  std::atomic<uint64_t> store_bytes_read{0};
  std::atomic<uint64_t> cached_batches_read{0};
  std::atomic<uint64_t> index_bytes_read{0};

  void refused(Code why) {
    appends_refused[static_cast<size_t>(why)].fetch_add(1, std::memory_order_relaxed);
  }
};

struct LogState {
  explicit LogState(std::filesystem::path directory, Options options)
      : directory(std::move(directory)),
        options(std::move(options)),
        clock(this->options.clock ? this->options.clock : std::make_shared<SystemClock>()),
        batch_cache(this->options.batch_cache_bytes) {}

  // What was removed or replaced of the files that the log is in, under an owner.
  std::optional<std::string> lost_files() const {
    auto lost = identity.lost();
    return lost ? lost : store->lost_wal();
  }

  const std::filesystem::path directory;
  const Options options;
  const std::shared_ptr<Clock> clock;
  Failure failure;
  Wakeups wakeups;
  std::atomic<bool> searches_held = false;  // Log::hold_searches
  BatchCache batch_cache;
  KeysInFlight keys_in_flight;
  Alarms alarms;
  // What commit groups change: the parts, in their order (part.h). One line each, and no other
  // place names them all.
  StateParts parts;
  StoredEvents events{parts, *this};
  Segments segments{parts, *this};
  Streams streams{parts};
  Positions positions{parts};
  Producers producers{parts, options.limits.producers_cached_max};
  Expiring expiring{parts};
  Consumers consumers{parts, *this};
  Access access{parts, *this};
  EventIndex index{parts, *this};
  std::vector<std::unique_ptr<StatePart>> more_parts;  // that a test adds (opening.h)
  mutable AtomicCounters counters;
  mutable Salvages salvages;
  mutable StripeScans stripe_scans{options.stripe_scans_bytes};
  DirectoryIdentity identity;    // an owner's
  std::shared_ptr<void> lock;    // of an owner's directory: let go of when the store is closed
  std::unique_ptr<Store> store;  // last, so that it closes first
};

}  // namespace strandline
