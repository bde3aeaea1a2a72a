#include "engine/writing/consumer_timer.h"

#include <utility>

#include "engine/base/waiter.h"
#include "engine/writing/burial.h"

namespace strandline {
namespace {

// After a refusal, of a busy writer or a full disk.
constexpr int64_t kAskAgainUs = 1'000'000;
// After a burial that failed: as long as the desk holds what it gives out to be buried.
constexpr int64_t kBuryAgainUs = 10'000'000;

}  // namespace

ConsumerTimer::ConsumerTimer(LogState& log, std::function<void(Operation)> submit)
    : log_(log), submit_(std::move(submit)) {
  for (const ConsumerPointer& consumer : log_.consumers.list("", "", SIZE_MAX)) {
    if (const auto standing = consumer->standing()) log_.alarms.set(consumer, standing->due_us);
  }
  log_.clock->when_moved([&alarms = log_.alarms] { alarms.nudge(); });
  thread_ = std::thread([this] { run(); });
}

ConsumerTimer::~ConsumerTimer() {
  log_.clock->when_moved(nullptr);
  log_.alarms.stop();
  thread_.join();
}

void ConsumerTimer::run() {
  while (const ConsumerPointer consumer = log_.alarms.next(*log_.clock)) {
    if (log_.failure.failed()) return;
    look_at(consumer);
  }
}

void ConsumerTimer::look_at(const ConsumerPointer& consumer) {
  Waiter waiter;
  Result<Outcome> answer;
  submit_({.request = ConsumerRequest(TakeSpent{consumer->name}),
           .done =
               [&](Result<Outcome> outcome) {
                 answer = std::move(outcome);
                 waiter.answered();
               },
           .bytes = sizeof(Operation)});
  waiter.wait();
  const auto again_after = [&](int64_t us) {
    log_.alarms.set(consumer, log_.clock->elapsed_us() + us);
  };
  if (!answer) {
    if (answer.error().code != Code::not_found) again_after(kAskAgainUs);
    return;
  }
  const auto spent = std::get<std::vector<Spent>>(std::move(answer->consumer));
  if (spent.empty()) return;
  const Buried buried = bury(log_, *consumer, spent, submit_);
  if (buried.error && !consumer->is_group) again_after(kBuryAgainUs);
}

}  // namespace strandline
