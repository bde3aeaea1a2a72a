#include "engine/writing/writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/base/mutation.h"
#include "engine/writing/administration.h"

namespace strandline {
namespace {

// How often an idle writer looks: at the open segment's age, at the disk, and at the directory,
// which is noticed within a second to be gone.
constexpr auto kIdle = std::chrono::milliseconds(500);

uint64_t kept_free(Reserve part, uint64_t reserve) {
  switch (part) {
    case Reserve::none:
      return 0;
    case Reserve::half:
      return reserve / 2;
    case Reserve::full:
      return reserve;
  }
  return reserve;
}

Error closing() { return {.code = Code::closed, .message = "the log is closing"}; }

}  // namespace

Writer::Writer(LogState& log, CommitStage& commit_stage)
    : log_(log), commit_stage_(commit_stage), disk_(log) {
  disk_.look();  // so that what is refused is known from the beginning
  thread_ = std::thread([this] { run(); });
}

Writer::~Writer() { stop(); }

Status Writer::submit(Operation& operation) {
  const Treatment treatment = treatment_of(operation.request);
  if (log_.failure.failed() && treatment.effect != Effect::none) {
    return std::unexpected(log_.failure.sealed());
  }
  {
    std::lock_guard lock(mutex_);
    const Limits& limits = log_.options.limits;
    if (stopping_) return std::unexpected(closing());
    const bool full = queue_.size() >= limits.queue_appends_max ||
                      queue_bytes_ + operation.bytes > limits.queue_bytes_max;
    if (full && treatment.full_queue != FullQueue::takes) {
      return fail(Code::busy,
                  fmt::format("the queue is full ({} appends, {} bytes): try again shortly",
                              queue_.size(), queue_bytes_));
    }
    queue_bytes_ += operation.bytes;
    queue_.push_back(std::move(operation));
  }
  wake_.notify_one();
  return {};
}

void Writer::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

size_t Writer::queue_appends() const {
  std::lock_guard lock(mutex_);
  return queue_.size();
}

size_t Writer::queue_bytes() const {
  std::lock_guard lock(mutex_);
  return queue_bytes_;
}

void Writer::run() {
  while (wait_for_work()) {
    commit_stage_.wait_for_turn(queue_bytes());
    disk_.look();
    look_at_directory();
    CommitGroupBuilder builder(log_, ++group_number_);
    if (!log_.failure.failed()) {
      if (builder.roll_is_due()) builder.roll();
      builder.next_stripe_if_due();
    }
    fill(builder);
    commit(builder.finish());
  }
  if (log_.failure.failed()) return;
  // For what is kept now and then (expiring.h).
  look_at_directory();
  CommitGroupBuilder last(log_, ++group_number_);
  last.group().last = true;
  commit(last.finish());
}

bool Writer::wait_for_work() {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, kIdle, [&] { return !queue_.empty() || stopping_; });
  return !queue_.empty() || !stopping_;
}

// As much as makes a group: until it is full, the queue is empty, or an operation comes that wants
// a group to itself. All under one lock, which a crowd of submitters wants too.
void Writer::take() {
  size_t bytes = 0;
  std::lock_guard lock(mutex_);
  while (!queue_.empty() && bytes < log_.options.limits.commit_group_bytes_max) {
    const bool alone = treatment_of(queue_.front().request).grouping == Grouping::alone;
    if (alone && !taken_.empty()) break;
    bytes += queue_.front().bytes;
    taken_.push_back(std::move(queue_.front()));
    queue_.pop_front();
    if (alone) break;
  }
  queue_bytes_ -= bytes;
}

void Writer::fill(CommitGroupBuilder& builder) {
  take();
  for (Operation& operation : taken_) {
    const Treatment treatment = treatment_of(operation.request);
    if (auto ok = admit(treatment); !ok) {
      if (is_append(operation.request)) log_.counters.refused(ok.error().code);
      builder.group().bytes += operation.bytes;
      builder.group().answers.push_back(
          {std::move(operation.done), std::unexpected(std::move(ok.error()))});
      continue;
    }
    disk_.take(operation.bytes);
    if (treatment.grouping == Grouping::shared) {
      builder.add(std::move(operation));
      continue;
    }
    auto result = administer(log_, builder, operation.request);
    if (!result && result.error().code == Code::corrupt) log_.failure.set(result.error().message);
    builder.write_down(operation, result);
    builder.group().answers.push_back({std::move(operation.done), std::move(result)});
  }
  taken_.clear();
}

// What holds for every operation, whatever it asks.
Status Writer::admit(Treatment treatment) {
  if (log_.failure.failed() && treatment.effect != Effect::none) {
    return std::unexpected(log_.failure.sealed());
  }
  return disk_.admit(kept_free(treatment.reserve, log_.options.disk_reserve_bytes));
}

std::optional<Error> Writer::appends_refused() const {
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return closing();
  }
  if (log_.failure.failed()) return log_.failure.sealed();
  return disk_.appends_refused();
}

// RocksDB, and the lock, go by open files: without this, appends would go on into a directory that
// is gone, and be lost with it.
void Writer::look_at_directory() {
  const auto now = std::chrono::steady_clock::now();
  if (now - directory_seen_ >= kIdle && !log_.failure.failed()) {
    directory_seen_ = now;
    if (const auto why = log_.lost_files()) {
      log_.store->freeze();
      log_.failure.set(*why);
    }
  }
  if (log_.failure.failed() && !std::exchange(seal_told_, true) && log_.options.on_warning) {
    log_.options.on_warning(log_.failure.sealed().message);
  }
}

void Writer::flush_if_due() {
  if (!flush_due_ && since_flush_bytes_ < kFlushBytes) return;
  // It makes files by their paths.
  directory_seen_ = {};
  look_at_directory();
  if (log_.failure.failed()) return;
  const SegmentId open = log_.segments.open ? log_.segments.open->id : SegmentId(0);
  if (auto ok = log_.store->flush(open); !ok) {
    // Busy: it stays due, and the next group tries again.
    if (ok.error().code != Code::busy) log_.failure.set(ok.error().message);
    return;
  }
  flush_due_ = false;
  since_flush_bytes_ = 0;
}

void Writer::commit(CommitGroup group) {
  flush_due_ |= group.flush;
  if (!group.changes.empty() && !log_.failure.failed()) flush_if_due();
  if (!group.changes.empty() && !log_.failure.failed()) {
    group.written = true;
    group.bytes = group.changes.bytes();
    since_flush_bytes_ += group.bytes;
    if (auto ok = log_.store->write(std::move(group.changes)); !ok) {
      // The commit stage finds the latch set, and answers this group and all that follow
      // accordingly.
      log_.failure.set(ok.error().message);
    } else {
      if (mutated(Mutation::readers_not_held_to_tail)) log_.streams.publish(group);
      for (CommitGroup::Answer& answer : group.accepted) answer.done(std::move(answer.result));
      group.accepted.clear();
    }
  }
  const bool wanted = group.written || !group.answers.empty() || !group.accepted.empty();
  if (wanted && !commit_stage_.finish_here(group)) commit_stage_.push(std::move(group));
}

}  // namespace strandline
