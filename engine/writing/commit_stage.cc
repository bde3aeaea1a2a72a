#include "engine/writing/commit_stage.h"

#include <algorithm>

#include "engine/base/mutation.h"
#include "engine/base/waiter.h"

namespace strandline {
namespace {

// Up to this an fsync is mostly waiting, and there is little that could be written meanwhile.
// Larger groups come one after the other, and are worth the hand-over.
constexpr size_t kFinishedHereBytes = 128 << 10;
constexpr uint64_t kFinishedHereUs = 500;

bool rests_on_state(Code code) {
  return code == Code::conflict || code == Code::exists || code == Code::not_found ||
         code == Code::out_of_range || code == Code::fenced || code == Code::limit ||
         code == Code::out_of_order || code == Code::reused;
}

}  // namespace

CommitStage::CommitStage(LogState& log) : log_(log), thread_([this] { run(); }) {}

CommitStage::~CommitStage() { stop(); }

void CommitStage::push(CommitGroup group) {
  {
    std::lock_guard lock(mutex_);
    if (pending_.empty()) oldest_ = std::chrono::steady_clock::now();
    // Without answers to give, all that the group wants is to be durable soon.
    urgent_ |= !group.answers.empty() || !group.accepted.empty();
    pending_bytes_ += group.bytes;
    pending_.push_back(std::move(group));
  }
  work_.notify_one();
}

void CommitStage::wait_for_turn(size_t queue_bytes) {
  std::unique_lock lock(mutex_);
  const bool little = queue_bytes <= kFinishedHereBytes && syncs_quickly();
  room_.wait(lock, [&] {
    if (little && (at_work_ || urgent_)) return false;
    return pending_bytes_ < log_.options.limits.unsynced_bytes_max;
  });
}

void CommitStage::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_one();
  if (thread_.joinable()) thread_.join();
}

std::vector<CommitGroup> CommitStage::take() {
  std::unique_lock lock(mutex_);
  work_.wait(lock, [&] { return !pending_.empty() || stopping_; });
  constexpr uint64_t kIntervalMsMax = 3'600'000;
  const auto interval =
      std::chrono::milliseconds(std::min(log_.options.accepted_sync_interval_ms, kIntervalMsMax));
  const size_t half = log_.options.limits.unsynced_bytes_max / 2;
  while (!urgent_ && !stopping_ && pending_bytes_ < half) {
    if (work_.wait_until(lock, oldest_ + interval) == std::cv_status::timeout) break;
  }
  urgent_ = false;
  at_work_ = !pending_.empty();
  return std::exchange(pending_, {});
}

bool CommitStage::syncs_quickly() const { return sync_us_ <= kFinishedHereUs; }

bool CommitStage::finish_here(CommitGroup& group) {
  const bool urgent = !group.answers.empty();
  if (!urgent || group.bytes > kFinishedHereBytes) return false;
  {
    // Only the writer pushes, so what is idle now stays so.
    std::lock_guard lock(mutex_);
    if (at_work_ || !pending_.empty() || !syncs_quickly()) return false;
  }
  finish({&group, 1});
  return true;
}

void CommitStage::run() {
  while (true) {
    std::vector<CommitGroup> groups = take();
    if (groups.empty()) return;
    finish(groups);
    size_t bytes = 0;
    for (const CommitGroup& group : groups) bytes += group.bytes;
    groups.clear();
    {
      std::lock_guard lock(mutex_);
      pending_bytes_ -= bytes;
      at_work_ = false;
    }
    room_.notify_one();
  }
}

void CommitStage::finish(std::span<CommitGroup> groups) {
  const bool written = std::ranges::any_of(groups, &CommitGroup::written);
  if (written && !log_.failure.failed()) {
    const auto begin = std::chrono::steady_clock::now();
    if (auto ok = log_.store->sync(); !ok) log_.failure.set(ok.error().message);
    const uint64_t took_us = std::chrono::duration_cast<std::chrono::microseconds>(
                                 std::chrono::steady_clock::now() - begin)
                                 .count();
    // Forgets an outlier after a few more.
    sync_us_ = std::min((3 * sync_us_ + took_us) / 4, 4 * took_us);
    log_.counters.syncs.fetch_add(1, std::memory_order_relaxed);
    log_.counters.sync_us_total.fetch_add(took_us, std::memory_order_relaxed);
  }
  const bool failed = log_.failure.failed();
  const Awakening awakening;
  for (CommitGroup& group : groups) failed ? refuse(group) : publish(group);
  if (mutated(Mutation::writing_on_after_wal_error) ||
      mutated(Mutation::offset_reused_after_failed_write)) {
    log_.failure.forget();
  }
}

void CommitStage::publish(CommitGroup& group) {
  for (StatePart* part : log_.parts) part->publish(group);
  log_.wakeups.notify(group.woken);

  AtomicCounters& counters = log_.counters;
  counters.groups.fetch_add(1, std::memory_order_relaxed);
  counters.appends.fetch_add(group.appends, std::memory_order_relaxed);
  counters.events_appended.fetch_add(group.events, std::memory_order_relaxed);
  if (group.written) counters.bytes_appended.fetch_add(group.bytes, std::memory_order_relaxed);
  // Of those who asked for `accepted` only where there was nothing to write.
  for (CommitGroup::Answer& answer : group.accepted) answer.done(std::move(answer.result));
  for (CommitGroup::Answer& answer : group.answers) answer.done(std::move(answer.result));
}

void CommitStage::refuse(CommitGroup& group) {
  if (mutated(Mutation::offset_reused_after_failed_write)) {
    log_.streams.take_back(group);
  }
  for (auto* answers : {&group.answers, &group.accepted}) {
    for (CommitGroup::Answer& answer : *answers) {
      // A refusal stays a refusal, because it was not applied, whatever became of the rest; unless
      // its reason may rest on what was lost.
      if (!answer.result && !rests_on_state(answer.result.error().code)) {
        answer.done(std::move(answer.result));
      } else {
        // A retry's original may be lost with what it was written with.
        const bool unknown = answer.result && (group.written || answer.result->retried);
        answer.done(
            std::unexpected(unknown ? log_.failure.outcome_unknown() : log_.failure.sealed()));
      }
    }
  }
}

}  // namespace strandline
