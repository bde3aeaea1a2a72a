#include "engine/syncer.h"

#include <algorithm>

namespace strandline {
namespace {

bool rests_on_state(Code code) {
  return code == Code::conflict || code == Code::exists || code == Code::not_found ||
         code == Code::out_of_range;
}

}  // namespace

Syncer::Syncer(LogState& log) : log_(log), thread_([this] { run(); }) {}

Syncer::~Syncer() { stop(); }

void Syncer::push(Group group) {
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

void Syncer::wait_for_room() {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [&] { return pending_bytes_ < log_.options.limits.unsynced_bytes_max; });
}

void Syncer::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_one();
  if (thread_.joinable()) thread_.join();
}

std::vector<Group> Syncer::take() {
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
  return std::exchange(pending_, {});
}

void Syncer::run() {
  while (true) {
    std::vector<Group> groups = take();
    if (groups.empty()) return;
    const bool written = std::ranges::any_of(groups, &Group::written);
    if (written && !log_.failure.failed()) {
      const auto begin = std::chrono::steady_clock::now();
      if (auto ok = log_.store->sync(); !ok) log_.failure.set(ok.error().message);
      const auto took = std::chrono::steady_clock::now() - begin;
      log_.counters.syncs.fetch_add(1, std::memory_order_relaxed);
      log_.counters.sync_us_total.fetch_add(
          std::chrono::duration_cast<std::chrono::microseconds>(took).count(),
          std::memory_order_relaxed);
    }
    size_t bytes = 0;
    const bool failed = log_.failure.failed();
    for (Group& group : groups) {
      bytes += group.bytes;
      failed ? refuse(group) : publish(group);
    }
    {
      std::lock_guard lock(mutex_);
      pending_bytes_ -= bytes;
    }
    room_.notify_one();
  }
}

void Syncer::publish(Group& group) {
  log_.window.push(group.batches);
  for (const Group::Described& one : group.described) {
    one.stream->publish_created(one.created);
    log_.streams.describe(*one.stream, one.description);
  }
  for (const auto& [segment, record] : group.segments) log_.segments.publish(segment, record);
  for (const SegmentId segment : group.dropped) log_.segments.drop(segment);
  // The log's own stream comes last: who follows it finds the others' tails raised.
  std::vector<StreamId> touched;
  for (const auto& [stream, state] : group.states) {
    stream->publish(state);
    touched.push_back(stream->id);
  }
  for (const auto& [key, record] : group.positions) log_.positions.publish(key, record);
  log_.wakeups.notify(touched);

  AtomicCounters& counters = log_.counters;
  counters.groups.fetch_add(1, std::memory_order_relaxed);
  counters.appends.fetch_add(group.appends, std::memory_order_relaxed);
  counters.events_appended.fetch_add(group.events, std::memory_order_relaxed);
  counters.bytes_appended.fetch_add(group.bytes, std::memory_order_relaxed);
  for (Group::Answer& answer : group.answers) answer.done(std::move(answer.result));
}

void Syncer::refuse(Group& group) {
  for (auto* answers : {&group.answers, &group.accepted}) {
    for (Group::Answer& answer : *answers) {
      // A refusal stays one, for it was not applied, whatever became of the rest; unless its reason
      // may rest on what was lost.
      if (!answer.result && !rests_on_state(answer.result.error().code)) {
        answer.done(std::move(answer.result));
      } else {
        const bool unknown = answer.result && group.written;
        answer.done(
            std::unexpected(unknown ? log_.failure.outcome_unknown() : log_.failure.sealed()));
      }
    }
  }
}

}  // namespace strandline
