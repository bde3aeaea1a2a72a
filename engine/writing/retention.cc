#include "engine/writing/retention.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "engine/reading/batch_search.h"
#include "engine/reading/stream_cursor.h"
#include "engine/state/consumer_standing.h"

namespace strandline {
namespace {

constexpr int64_t kUsInSecond = 1'000'000;
// The lock of the names is held for so many at a time.
constexpr size_t kStreamsAtOnce = 4'096;
// In one operation, so that no append waits for long.
constexpr size_t kCutsAtOnce = 512;
// Of the thread, so that appends and readers come first.
constexpr int kRetentionNice = 10;
// Looks that are waited for the bytes of a segment that was dropped.
constexpr int kWaitsMax = 30;
// A look takes no more than one in so many of the time.
constexpr int kShareOfTime = 10;

bool says_any(const PolicySet& policies) {
  return policies.says(PolicyField::age_max_s) || policies.says(PolicyField::bytes_max) ||
         policies.says(PolicyField::events_max);
}

}  // namespace

Retention::Retention(LogState& log, Means means) : log_(log), means_(std::move(means)) {
  if (log_.options.retention_interval_ms > 0) thread_ = std::thread([this] { run(); });
}

Retention::~Retention() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Retention::run() {
  using namespace std::chrono;
  (void)setpriority(PRIO_PROCESS, 0, kRetentionNice);  // on Linux: of this thread
  steady_clock::duration rest = milliseconds(log_.options.retention_interval_ms);
  while (true) {
    {
      std::unique_lock lock(mutex_);
      if (wake_.wait_for(lock, rest, [&] { return stopping_; })) return;
    }
    if (log_.failure.failed()) return;
    const auto begin = steady_clock::now();
    // Of a busy writer, or a log that closes: the next look finds the same.
    (void)look();
    rest = std::max<steady_clock::duration>(milliseconds(log_.options.retention_interval_ms),
                                            (steady_clock::now() - begin) * kShareOfTime);
  }
}

Status Retention::look() {
  const std::lock_guard lock(looking_);
  now_ = log_.clock->now();
  lag_s_ = 0;
  blocked_.clear();
  kept_.reset();
  Status ok;
  if (says_any(*log_.policies.set()) || log_.options.log_bytes_max > 0) {
    if (clock_is_trusted()) {
      ok = cut_what_is_due();
      if (ok) ok = keep_to_the_disk();
    } else if (const auto pause = log_.retention.paused()) {
      lag_s_ = static_cast<uint64_t>(std::max<int64_t>(0, now_.us - pause->since.us) / kUsInSecond);
      blocked_ = "retention is paused: " + pause->why;
    }
  } else {
    anchored_ = false;
  }
  log_.retention_counts.lag_s = lag_s_;
  log_.retention_counts.set_blocked(blocked_);
  ++log_.retention_counts.passes;
  return ok;
}

// --- The clock.

bool Retention::clock_is_trusted() {
  const int64_t elapsed_us = log_.clock->elapsed_us();
  if (log_.retention.paused()) {
    anchored_ = false;
    confirmed_ = true;  // once it is over, somebody has said so
    return false;
  }
  const auto trust = [&] {
    anchored_ = true;
    anchor_now_us_ = now_.us;
    anchor_elapsed_us_ = elapsed_us;
    return true;
  };
  const auto jump_max_us = static_cast<int64_t>(log_.options.clock_jump_max_s) * kUsInSecond;
  if (anchored_) {
    const int64_t jump_us = (now_.us - anchor_now_us_) - (elapsed_us - anchor_elapsed_us_);
    if (jump_us <= jump_max_us && jump_us >= -jump_max_us) return true;
    (void)pause(
        jump_us / kUsInSecond,
        fmt::format("the clock jumped by {} s while the log was open", jump_us / kUsInSecond));
    return false;
  }
  // Nobody saw what the clock did before. It is no earlier than the newest event, and not so much
  // later that it is more likely to be wrong.
  const int64_t newest_us = log_.streams.log().last_stored_us();
  if (confirmed_) {
    confirmed_ = false;
    return trust();
  }
  if (newest_us == 0) return trust();
  const int64_t since_us = now_.us - newest_us;
  const auto rest_max_us = static_cast<int64_t>(log_.options.clock_rest_max_s) * kUsInSecond;
  if (since_us >= -jump_max_us && since_us <= rest_max_us) return trust();
  (void)pause(since_us / kUsInSecond,
              fmt::format("the clock is {} s {} the newest event of the log",
                          since_us < 0 ? -since_us / kUsInSecond : since_us / kUsInSecond,
                          since_us < 0 ? "before" : "after"));
  return false;
}

Status Retention::pause(int64_t jump_s, std::string why) {
  anchored_ = false;
  blocked_ = "retention is paused: " + why;
  if (log_.options.on_warning) {
    log_.options.on_warning(
        "retention is paused until somebody confirms the clock (strandline "
        "retention confirm): " +
        why);
  }
  auto paused =
      means_.perform(PauseRetention{{.since = now_, .jump_s = jump_s, .why = std::move(why)}});
  if (!paused) return std::unexpected(std::move(paused.error()));
  confirmed_ = true;  // once it is over, somebody has said so
  return {};
}

// --- What is due.

Status Retention::cut_what_is_due() {
  const PolicySetPointer policies = log_.policies.set();
  if (!says_any(*policies)) return {};
  std::vector<Cut> cuts;
  std::string from;
  std::vector<const Stream*> streams;
  for (bool more = true; more;) {
    streams.clear();
    more = false;
    log_.streams.scan(from, [&](const Stream& stream) {
      more = streams.size() == kStreamsAtOnce;
      if (more) {
        from = stream.name;
        return false;
      }
      if (stream.exists() && stream.start() < stream.tail()) streams.push_back(&stream);
      return true;
    });
    for (const Stream* stream : streams) {
      {
        const std::lock_guard lock(mutex_);
        if (stopping_) return {};
      }
      const Offset wanted = due(*policies, *stream);
      if (wanted <= stream->start()) continue;
      const Offset before = allowed(*stream, wanted);
      if (before <= stream->start()) continue;
      cuts.push_back(cut_of(*stream, before));
      if (cuts.size() < kCutsAtOnce) continue;
      if (auto ok = hand_over(cuts); !ok) return ok;
    }
  }
  return hand_over(cuts);
}

Status Retention::hand_over(std::vector<Cut>& cuts) {
  if (cuts.empty()) return {};
  auto outcome = means_.perform(Expire{std::move(cuts)});
  cuts.clear();
  if (!outcome) return std::unexpected(std::move(outcome.error()));
  log_.retention_counts.events_expired += outcome->events;
  return {};
}

Offset Retention::due(const PolicySet& policies, const Stream& stream) {
  const Offset start = stream.start(), tail = stream.tail();
  Offset before = start;
  const uint64_t events_max = policies.amount(stream.name, PolicyField::events_max);
  if (tail - start > events_max) before = tail - events_max;
  const uint64_t bytes_max = policies.amount(stream.name, PolicyField::bytes_max);
  const uint64_t below = stream.start_bytes(), all = stream.bytes();
  if (all > below && all - below > bytes_max) {
    // At batches, and not the newest, however large it is.
    const uint64_t gone = all - bytes_max;
    const Offset fits = first_batch_where(log_, stream, [&](const StoredBatch& batch) {
      return batch.head().bytes_before >= gone || batch.next() >= tail;
    });
    if (fits < tail) before = std::max(before, fits);
  }
  const uint64_t age_max_s = policies.amount(stream.name, PolicyField::age_max_s);
  if (age_max_s != kNoLimit) before = std::max(before, due_by_age(stream, age_max_s));
  return before;
}

Offset Retention::due_by_age(const Stream& stream, uint64_t age_max_s) {
  const Offset start = stream.start();
  const int64_t end_us = now_.us - static_cast<int64_t>(age_max_s) * kUsInSecond;
  const size_t at = stream.id.value;
  if (oldest_us_.size() <= at) oldest_us_.resize(at + 1);
  if (oldest_us_[at] >= end_us) return start;
  BatchReader reader(log_, stream);
  if (!reader.load(start)) oldest_us_[at] = reader.batch().head().stored.us;
  if (oldest_us_[at] >= end_us) return start;
  const Offset before = find_time(log_, stream, Timestamp{end_us});
  if (before > start && oldest_us_[at] > 0) {
    lag_s_ = std::max(lag_s_, static_cast<uint64_t>((end_us - oldest_us_[at]) / kUsInSecond));
  }
  return before;
}

// --- What must stay.

std::vector<Retention::Kept> Retention::kept() const {
  std::vector<Kept> kept;
  for (const ConsumerPointer& consumer : log_.consumers.list("", "", SIZE_MAX)) {
    const StandingPointer standing = consumer->standing();
    const SettingsPointer settings = consumer->settings();
    if (!settings->retain || !standing) continue;
    kept.push_back({settings, scope_id(log_, *settings), standing->position});
  }
  return kept;
}

Offset Retention::allowed(const Stream& stream, Offset before) {
  if (const auto hold = log_.holds.held(stream.name, now_)) {
    if (blocked_.empty()) {
      blocked_ =
          fmt::format("stream \"{}\" is under the legal hold \"{}\"", stream.name, hold->name);
    }
    return stream.start();
  }
  if (!kept_) kept_ = kept();
  const Offset wanted = before;
  for (const Kept& one : *kept_) {
    if (!selects(*one.settings, stream.name)) continue;
    if (one.scope == stream.id) {
      before = std::min(before, Offset(one.floor));
      continue;
    }
    const Offset first = first_batch_where(log_, stream, [&](const StoredBatch& batch) {
      const Part part = batch.part_covering(batch.next() - 1);
      return part.sequence.value + part.count > one.floor;
    });
    before = std::min(before, first);
  }
  if (before < wanted && blocked_.empty()) {
    blocked_ =
        fmt::format("a consumer retains events of \"{}\" that it has not acked", stream.name);
  }
  return before;
}

// What is damaged there nobody can read any more, and no consumer waits for.
Cut Retention::cut_of(const Stream& stream, Offset before) const {
  Cut cut{.stream = stream.id,
          .before = before,
          .bytes_below = stream.start_bytes(),
          .last = Sequence(0)};
  BatchReader reader(log_, stream);
  const Offset last = before - 1;
  if (reader.load(last)) return cut;
  const StoredBatch& batch = reader.batch();
  const Part part = batch.part_covering(last);
  cut.last = part.sequence + (last - part.first);
  cut.bytes_below = batch.head().bytes_before + (before == batch.next() ? batch.value().size() : 0);
  return cut;
}

// --- The limit on the disk.

Status Retention::keep_to_the_disk() {
  const uint64_t most = log_.options.log_bytes_max;
  if (most == 0) return {};
  const uint64_t bytes = log_.store->live_bytes();
  if (bytes <= most) {
    dropped_at_bytes_ = 0;
    return {};
  }
  // The disk may have the last one's bytes a moment later: another is not to go in its place.
  if (bytes >= dropped_at_bytes_ && dropped_at_bytes_ > 0 && waits_++ < kWaitsMax) return {};
  const auto segments = log_.segments.list();
  if (segments.empty()) return {};
  const auto& [oldest, record] = *segments.begin();
  if (!record.sealed) {
    // All of it is in the open one, of which the newer half is not to go.
    const uint64_t open_bytes = log_.streams.log().bytes() - record.bytes_before;
    return open_bytes <= most / 2 ? Status() : means_.roll();
  }
  if (auto ok = means_.drop(oldest); !ok) {
    blocked_ = fmt::format(
        "the log is larger than log_bytes_max ({} bytes), and its oldest segment cannot go: {}",
        most, ok.error().message);
    return ok;
  }
  dropped_at_bytes_ = bytes;
  waits_ = 0;
  ++log_.retention_counts.segments_dropped;
  const uint64_t after = log_.store->live_bytes();
  log_.retention_counts.reclaimed_bytes += bytes - std::min(bytes, after);
  return {};
}

}  // namespace strandline
