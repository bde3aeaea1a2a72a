#include "engine/writing/rewriter.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/state/segments.h"

namespace strandline {
namespace {

// Of the thread, so that appends and readers come first.
constexpr int kRewriterNice = 10;
constexpr int kRewriterShare = 10;  // a look at the segments takes one in so many of the time
// In hundredths of a segment that are dead: it is rewritten, whatever the others are; and, it may
// be, to keep the log as small as it should be.
constexpr uint64_t kDeadAlways = 50;
constexpr uint64_t kDeadMaybe = 20;
// Dead bytes of the log to those that are kept: one in so many.
constexpr uint64_t kDeadInLog = 6;

bool is_dead_batch(const LogState& log, const EventKey& key, std::string_view value) {
  if (key.stream == kLogStream || value.size() < kStoredHeadBytes) return false;
  const Stream* stream = log.streams.find(key.stream);
  if (!stream) return false;
  // What it says of itself is checked: a damaged one stays, to be told of.
  if (StoredBatch::check(key, value)) return false;
  return StoredBatch(key.stream, value).next() <= stream->start();
}

}  // namespace

Rewriter::Rewriter(LogState& log, Means means) : log_(log), means_(std::move(means)) {
  if (log_.options.retention_interval_ms > 0 && log_.options.reclaim_bytes_per_s_max > 0) {
    thread_ = std::thread([this] { run(); });
  }
}

Rewriter::~Rewriter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Rewriter::run() {
  using namespace std::chrono;
  (void)setpriority(PRIO_PROCESS, 0, kRewriterNice);  // on Linux: of this thread
  steady_clock::duration rest = milliseconds(log_.options.retention_interval_ms);
  while (true) {
    {
      std::unique_lock lock(mutex_);
      if (wake_.wait_for(lock, rest, [&] { return stopping_.load(); })) return;
    }
    if (log_.failure.failed()) return;
    const auto begin = steady_clock::now();
    (void)look(log_.options.reclaim_bytes_per_s_max);
    rest = std::max<steady_clock::duration>(
        milliseconds(log_.options.retention_interval_ms),
        std::min<steady_clock::duration>((steady_clock::now() - begin) * kRewriterShare,
                                         minutes(1)));
  }
}

Status Rewriter::look(uint64_t bytes_per_s_max) {
  const std::lock_guard lock(looking_);
  const auto segments = log_.segments.list();
  if (segments.empty()) return {};
  const uint64_t raised = log_.retention_counts.starts_raised;
  // Before the first start is raised, what an earlier opening left is looked for once.
  if (raised == starts_raised_ && open_ == segments.rbegin()->first) return {};
  dead_.clear();
  tried_.clear();
  bool complete = true;
  std::map<SegmentId, uint64_t> bytes;
  for (const auto& [id, record] : segments) {
    if (stopping_) return fail(Code::closed, "the log is closing");
    if (!record.sealed) continue;
    complete &= record.filed != 0;
    const auto begin = std::chrono::steady_clock::now();
    const auto dead = dead_of(id, record);
    // The records of a large log's stripes are many.
    if (bytes_per_s_max > 0) {
      std::unique_lock pause(mutex_);
      wake_.wait_for(pause, (std::chrono::steady_clock::now() - begin) * kRewriterShare,
                     [&] { return stopping_.load(); });
    }
    if (!dead) continue;
    dead_[id] = *dead;
    bytes[id] = dead->bytes;
  }
  log_.retention_counts.set_dead(std::move(bytes));
  if (auto ok = drop_what_is_dead(); !ok) return ok;
  Status ok;
  while (const auto segment = worst()) {
    if (stopping_) return fail(Code::closed, "the log is closing");
    tried_.insert(*segment);
    ok = rewrite(*segment, bytes_per_s_max);
    if (!ok && ok.error().code == Code::corrupt) given_up_.insert(*segment);
    if (!ok) complete = false;
    if (!ok && ok.error().code == Code::closed) return ok;
  }
  // A start is counted when it is raised, which is a moment before it is durable: so this look may
  // have missed it.
  complete &= std::exchange(seen_raised_, raised) == raised;
  if (complete) {
    starts_raised_ = raised;
    open_ = segments.rbegin()->first;
  }
  return ok;
}

// Bytes are told stream by stream from how many events there are: exactly, a stripe's record says
// only how many bytes of a stream there are up to there.
std::optional<Rewriter::Dead> Rewriter::dead_of(SegmentId segment,
                                                const SegmentRecord& record) const {
  Sequence begin(record.first_sequence);
  double all = 0, dead = 0;
  Dead found;
  for (uint64_t i = 0; i < record.stripes; ++i) {
    const auto stripe = record_of(*log_.store, {segment, record, i}, begin, true);
    if (!stripe) return std::nullopt;
    begin = std::max(begin, stripe->next);
    for (const StripeEntry& entry : stripe->entries) {
      if (entry.stream == kLogStream || entry.next.value == 0) continue;
      const Stream* stream = log_.streams.find(entry.stream);
      if (!stream) return std::nullopt;
      const double each = static_cast<double>(std::max<uint64_t>(entry.bytes, 1)) /
                          static_cast<double>(entry.next.value);
      const Offset start = std::clamp(stream->start(), entry.first, entry.next);
      all += each * static_cast<double>(entry.next - entry.first);
      dead += each * static_cast<double>(start - entry.first);
      found.everything &= start == entry.next;
    }
  }
  if (all > 0) {
    found.bytes = static_cast<uint64_t>(static_cast<double>(record.bytes) * (dead / all));
  }
  return found;
}

Status Rewriter::drop_what_is_dead() {
  for (auto dead = dead_.begin(); dead != dead_.end();) {
    const auto segments = log_.segments.list();
    const auto found = segments.find(dead->first);
    if (found == segments.end() || !found->second.filed || !dead->second.everything) {
      ++dead;
      continue;
    }
    const uint64_t before = log_.store->live_bytes();
    if (auto ok = means_.drop(dead->first); !ok) return ok;
    const uint64_t after = log_.store->live_bytes();
    ++log_.retention_counts.segments_dropped;
    log_.retention_counts.reclaimed_bytes += before - std::min(before, after);
    dead = dead_.erase(dead);
  }
  return {};
}

std::optional<SegmentId> Rewriter::worst() const {
  const auto segments = log_.segments.list();
  uint64_t kept = 0, dead = 0;
  uint64_t most = 0;
  std::optional<SegmentId> worst;
  for (const auto& [id, record] : segments) {
    const auto known = dead_.find(id);
    const uint64_t gone = known == dead_.end() ? 0 : known->second.bytes;
    const uint64_t left = gone - std::min(gone, record.dead_bytes);  // not removed yet
    const uint64_t there = record.bytes - std::min(record.bytes, record.dead_bytes);
    dead += left;
    kept += there - std::min(there, left);
    if (!record.filed || there == 0 || tried_.contains(id) || given_up_.contains(id)) continue;
    const uint64_t share = left * 100 / there;
    if (share <= most || share < kDeadMaybe) continue;
    most = share;
    worst = id;
  }
  if (most >= kDeadAlways || dead > kept / kDeadInLog) return worst;
  return std::nullopt;
}

Status Rewriter::rewrite(SegmentId segment, uint64_t bytes_per_s_max) {
  const auto segments = log_.segments.list();
  const auto found = segments.find(segment);
  if (found == segments.end()) return {};
  if (log_.store->may_be_in_memory(segment)) {
    if (auto flushed = means_.perform(FlushAll{}); !flushed) {
      return std::unexpected(std::move(flushed.error()));
    }
  }
  log_.index.withhold(segment, true);
  Status ok;
  for (uint64_t i = 0; ok && i < found->second.stripes; ++i) {
    auto removed = means_.perform(KeepIndex{log_.index.removal_of(first_stripe(segment) + i)});
    if (!removed) ok = std::unexpected(std::move(removed.error()));
  }
  // The starts that were durable when it was looked at, or later ones.
  const uint64_t dead = dead_.at(segment).bytes;
  if (ok) {
    auto freed = log_.store->rewrite(
        {.segment = segment,
         .is_dead = [this](const EventKey& key,
                           std::string_view value) { return is_dead_batch(log_, key, value); },
         .bytes_per_s_max = bytes_per_s_max,
         .stopping = &stopping_});
    if (freed) {
      log_.retention_counts.reclaimed_bytes += *freed;
      ++log_.retention_counts.segments_rewritten;
    } else {
      ok = std::unexpected(std::move(freed.error()));
    }
  }
  log_.index.withhold(segment, false);
  if (!ok) return ok;
  auto noted = means_.perform(NoteRemoved{segment, dead});
  if (!noted) return std::unexpected(std::move(noted.error()));
  return {};
}

}  // namespace strandline
