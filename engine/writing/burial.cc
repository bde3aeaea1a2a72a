#include "engine/writing/burial.h"

#include <fmt/format.h>

#include <atomic>
#include <mutex>

#include "engine/base/waiter.h"
#include "engine/consumers/dead_letters.h"
#include "engine/consumers/retrieval.h"

namespace strandline {
namespace {

// Appended before the next are read: less than the writer's queue holds.
constexpr size_t kTogetherBytes = 4 << 20;
constexpr size_t kBurialBytes = 512;  // that one holds in the queue besides its event

bool is_dead_letter_stream(const LogState& log, std::string_view stream) {
  if (stream.starts_with(kDeadLetterPrefix)) return true;
  for (const ConsumerPointer& consumer : log.consumers.list("", "", SIZE_MAX)) {
    if (consumer->settings()->dead_letters == stream) return true;
  }
  return false;
}

void warn(const LogState& log, const std::string& line) {
  if (log.options.on_warning) log.options.on_warning(line);
}

Result<AppendMany> burial_of(const LogState& log, const NamedConsumer& consumer,
                             const Spent& spent) {
  const SettingsPointer settings = consumer.settings();
  auto found = retrieve(log, *settings, {{spent.position, spent.attempts}});
  if (!found) return std::unexpected(std::move(found.error()));
  AppendMany append;
  append.buries.push_back({consumer.name, {spent.position}, spent.stood_at});
  if (found->fetched.runs.empty()) return append;
  const Events& run = found->fetched.runs.front();
  const Event event = run[0];
  History history;
  if (is_dead_letter_stream(log, run.stream())) history = history_of(event);
  if (!history.may_go_on_to(consumer.name)) {
    warn(log,
         fmt::format("{} of consumer \"{}\", {} of \"{}\", is dropped: it is a dead letter, and "
                     "was given up on by \"{}\" in turn",
                     spent.position, consumer.name, event.offset.value, run.stream(),
                     fmt::join(history.consumers, "\", \"")));
    return append;
  }
  auto copy = dead_letter({.consumer = consumer.name,
                           .stream = run.stream(),
                           .attempts = spent.attempts,
                           .cause = spent.cause,
                           .history = std::move(history)},
                          event, log.options.limits);
  if (!copy) return std::unexpected(std::move(copy.error()));
  append.parts.push_back({.stream = settings->dead_letters, .batch = std::move(*copy)});
  return append;
}

// Those that are appended together.
class Burials {
 public:
  Burials(const LogState& log, const NamedConsumer& consumer, Buried& buried)
      : log_(log), consumer_(consumer), buried_(buried) {}

  size_t bytes() const { return bytes_; }

  void add(AppendMany append, uint64_t position) {
    size_t bytes = kBurialBytes;
    for (const AppendMany::Part& part : append.parts) bytes += part.batch.bytes().size();
    bytes_ += bytes;
    operations_.push_back(
        {.request = std::move(append),
         .done = [this, position](const Result<Outcome>& outcome) { told(position, outcome); },
         .bytes = bytes});
  }

  void failed(uint64_t position, const Error& error) {
    warn(log_, fmt::format("{} of consumer \"{}\" stays where it is: {}", position, consumer_.name,
                           error.message));
    if (!buried_.error) buried_.error = error;
  }

  void wait_for_all(const std::function<void(Operation)>& submit) {
    if (operations_.empty()) return;
    waiter_.emplace();
    left_ = operations_.size();
    for (Operation& operation : operations_) submit(std::move(operation));
    waiter_->wait();
    operations_.clear();
    bytes_ = 0;
  }

 private:
  void told(uint64_t position, const Result<Outcome>& outcome) {
    {
      const std::lock_guard lock(mutex_);
      if (outcome) {
        ++buried_.count;
      } else {
        failed(position, outcome.error());
      }
    }
    if (--left_ == 0) waiter_->answered();
  }

  const LogState& log_;
  const NamedConsumer& consumer_;
  std::mutex mutex_;  // guards buried_ while answers come
  Buried& buried_;
  std::vector<Operation> operations_;
  size_t bytes_ = 0;
  std::atomic<size_t> left_ = 0;
  std::optional<Waiter> waiter_;  // of those that were submitted last
};

}  // namespace

Buried bury(const LogState& log, const NamedConsumer& consumer, const std::vector<Spent>& spent,
            const std::function<void(Operation)>& submit) {
  Buried buried;
  Burials burials(log, consumer, buried);
  for (const Spent& one : spent) {
    auto append = burial_of(log, consumer, one);
    if (append) {
      burials.add(std::move(*append), one.position);
    } else {
      burials.failed(one.position, append.error());
    }
    if (burials.bytes() >= kTogetherBytes) burials.wait_for_all(submit);
  }
  burials.wait_for_all(submit);
  return buried;
}

}  // namespace strandline
