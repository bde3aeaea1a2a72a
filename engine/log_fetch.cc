// The facade's part about what a consumer's members fetch and settle.
#include <fmt/format.h>

#include <algorithm>

#include "engine/consumers/consumer_wait.h"
#include "engine/consumers/retrieval.h"
#include "engine/consumers/scout.h"
#include "engine/log_parts.h"
#include "engine/writing/consumer_desk.h"

namespace strandline {
namespace {

constexpr size_t kFetchEventsMax = 10'000;
constexpr size_t kFetchBytesMax = 32 << 20;

// That a settlement holds while it waits.
size_t bytes_of(const Settle& settle) {
  size_t bytes =
      (settle.acks.size() + settle.extends.size() + settle.returns.size()) * sizeof(Span);
  for (const Settle::Nack& nack : settle.nacks) bytes += sizeof nack + nack.reason.size();
  return bytes;
}

bool says_nothing(const Assignment& assignment) {
  return !assignment.settled && assignment.given.empty() && assignment.gaps.empty();
}

}  // namespace

void Log::fetch(Fetch request, Completion<Assignment> done) {
  const auto consumer = find_consumer(*parts_->state, request.consumer);
  if (!consumer) return done(std::unexpected(consumer.error()));
  if (request.events_max == 0 || request.events_max > kFetchEventsMax ||
      request.bytes_max > kFetchBytesMax) {
    return done(
        fail(Code::invalid, fmt::format("a fetch is of 1 to {} events, and of up to {} bytes",
                                        kFetchEventsMax, kFetchBytesMax)));
  }
  if (request.settle) {
    if (request.epoch == 0) {
      return done(fail(Code::invalid, "what was fetched before is settled in the epoch of then"));
    }
    request.settle->consumer = request.consumer;
    request.settle->epoch = request.epoch;
  }
  // Ahead of the writer, which must not wait for a disk. If that fails there may still be something
  // to settle, and to give out again.
  Status ahead;
  if (const auto scout = (*consumer)->scout()) {
    size_t want = request.events_max;
    // It may have to look past many whose keys are held.
    const SettingsPointer settings = (*consumer)->settings();
    if (settings->mode == ConsumerSettings::Mode::keyed) {
      want += std::min<size_t>(settings->unacked_max, kFetchEventsMax);
    }
    ahead = scout->read_ahead(want);
  }
  const size_t bytes = kOperationBytes + (request.settle ? bytes_of(*request.settle) : 0);
  parts_->submit({.request = ConsumerRequest(GiveOut{std::move(request)}),
                  .done =
                      [done = std::move(done), ahead = std::move(ahead)](Result<Outcome> outcome) {
                        auto assignment = outcome_of<Assignment>(std::move(outcome));
                        if (assignment && !ahead) {
                          if (says_nothing(*assignment))
                            return done(std::unexpected(ahead.error()));
                          assignment->more = false;
                        }
                        done(std::move(assignment));
                      },
                  .bytes = bytes});
}

Result<Fetched> Log::retrieve(const Assignment& assignment) {
  const LogState& state = *parts_->state;
  const auto consumer = find_consumer(state, assignment.consumer);
  if (!consumer) return std::unexpected(consumer.error());
  auto retrieved = strandline::retrieve(state, *(*consumer)->settings(), assignment.given);
  if (!retrieved) {
    return_unseen(assignment);
    return std::unexpected(std::move(retrieved.error()));
  }
  if ((*consumer)->is_group && !retrieved->gone.empty()) {
    Settle gone{.consumer = assignment.consumer, .epoch = assignment.epoch};
    for (const uint64_t position : retrieved->gone) gone.acks.push_back(Span::of(position));
    settle(std::move(gone), [](Result<Settled>) {});
  }
  Fetched fetched = std::move(retrieved->fetched);
  fetched.epoch = assignment.epoch;
  fetched.gaps.insert(fetched.gaps.begin(), assignment.gaps.begin(), assignment.gaps.end());
  return fetched;
}

void Log::return_unseen(const Assignment& assignment) {
  const auto consumer = parts_->state->consumers.find(assignment.consumer);
  if (!consumer || assignment.given.empty()) return;
  if (!consumer->is_group) {
    uint64_t from = assignment.given.front().position;
    for (const Gap& gap : assignment.gaps) from = std::min(from, gap.from);
    parts_->submit({.request = ConsumerRequest(Rewind{assignment.consumer, assignment.epoch, from}),
                    .done = [](Result<Outcome>) {},
                    .bytes = kOperationBytes});
    return;
  }
  if (const auto scout = consumer->scout()) scout->put_back(assignment.gaps);
  Settle settle{.consumer = assignment.consumer, .epoch = assignment.epoch};
  for (const Given& one : assignment.given) settle.returns.push_back(Span::of(one.position));
  this->settle(std::move(settle), [](Result<Settled>) {});
}

Result<Fetched> Log::fetch(Fetch request) {
  const auto until = std::chrono::steady_clock::now() + request.wait;
  while (true) {
    ConsumerWait wait = consumer_wait(request.consumer);
    auto signal = std::make_shared<ConsumerSignal>();
    wait.on_ready([signal] { signal->raise(); });
    auto assignment = wait_for<Assignment>([&](auto done) { fetch(request, std::move(done)); });
    if (!assignment) return std::unexpected(std::move(assignment.error()));
    request.epoch = assignment->epoch;
    request.settle.reset();
    auto fetched = retrieve(*assignment);
    if (!fetched || !fetched->empty()) return fetched;
    // Past its time it still looks through what a filter leaves out, for so long.
    constexpr auto kSearchOn = std::chrono::seconds(1);
    const bool searches_on = std::chrono::steady_clock::now() < until + kSearchOn;
    if (searches_on && assignment->more) continue;
    auto patience = until - std::chrono::steady_clock::now();
    if (patience <= patience.zero()) {
      if (assignment->full) return std::unexpected(full_of(request.consumer));
      return fetched;
    }
    if (assignment->due_in) {
      patience = std::min<std::chrono::steady_clock::duration>(
          patience, *assignment->due_in + std::chrono::microseconds(1));
    }
    signal->wait_for(patience);
    if (parts_->state->wakeups.closed()) return fail(Code::closed, "the log is closing");
  }
}

Error Log::full_of(std::string_view consumer) const {
  return {
      .code = Code::limit,
      .message = fmt::format(
          "as many events of consumer \"{}\" are unacked as it allows: ack some first", consumer)};
}

ConsumerWait Log::consumer_wait(std::string_view name) const {
  LogState& state = *parts_->state;
  const ConsumerPointer consumer = state.consumers.find(name);
  if (!consumer) return {};
  const Stream* stream = state.streams.find(scope_name(*consumer->settings()));
  return ConsumerWait(state.wakeups, stream ? stream->id : kLogStream, consumer->wakeup());
}

// The attempt at the event that is next is counted before it is shown: by giving it, and taking it
// back. Nothing is shown while what was tried too often is being dead-lettered.
Result<bool> Log::begin_attempt(const std::string& name, uint64_t epoch) {
  // Little: who waits here holds a thread of a pool.
  constexpr auto kPatience = std::chrono::seconds(1);
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    ConsumerWait wait = consumer_wait(name);
    auto signal = std::make_shared<ConsumerSignal>();
    wait.on_ready([signal] { signal->raise(); });
    const Fetch first{.consumer = name, .epoch = epoch, .events_max = 1};
    auto assignment = wait_for<Assignment>([&](auto done) { fetch(first, std::move(done)); });
    if (!assignment) return std::unexpected(std::move(assignment.error()));
    if (!assignment->given.empty()) {
      auto back =
          parts_->perform(ConsumerRequest(Rewind{name, epoch, assignment->given.front().position}));
      if (!back) return std::unexpected(std::move(back.error()));
      return true;
    }
    const auto patience = until - std::chrono::steady_clock::now();
    if (parts_->state->wakeups.closed()) return false;
    if (patience <= patience.zero() && assignment->burying) {
      return fail(Code::busy, fmt::format("the next event of consumer \"{}\" had its last attempt, "
                                          "and is not dead-lettered yet: try again shortly",
                                          name));
    }
    if (patience <= patience.zero()) return false;
    if (assignment->burying) {
      signal->wait_for(patience);
    } else if (!assignment->more) {
      return false;
    }
  }
}

Result<Subscription> Log::subscribe_exclusive(std::string name, uint64_t epoch) {
  const auto consumer = find_consumer(*parts_->state, name);
  if (!consumer) return std::unexpected(consumer.error());
  if ((*consumer)->is_group) {
    return fail(Code::invalid, fmt::format("consumer \"{}\" is not exclusive", name));
  }
  const auto begun = begin_attempt(name, epoch);
  if (!begun) return std::unexpected(begun.error());
  const StandingPointer standing = (*consumer)->standing();
  ReadOptions read = reading_of(*standing->settings, standing->position);
  take_filter(*standing->settings, read);
  auto subscription = subscribe(std::move(read));
  // It waits at the tail: what it tries is what comes.
  if (subscription && !*begun) {
    subscription->before_events(
        [this, name = std::move(name), epoch] { return begin_attempt(name, epoch); });
  }
  return subscription;
}

bool Log::is_fenced(std::string_view name, uint64_t epoch) const {
  const ConsumerPointer consumer = parts_->state->consumers.find(name);
  return !consumer || epoch <= consumer->fence();
}

// --- Settling.

void Log::settle(Settle request, Completion<Settled> done) {
  const size_t bytes = kOperationBytes + bytes_of(request);
  parts_->submit(
      {.request = ConsumerRequest(std::move(request)),
       .done = [done = std::move(done)](
                   Result<Outcome> outcome) { done(outcome_of<Settled>(std::move(outcome))); },
       .bytes = bytes});
}

Result<Settled> Log::settle(Settle request) {
  return wait_for<Settled>([&](auto done) { settle(std::move(request), std::move(done)); });
}

// --- Ids processed once.

Result<bool> Log::once(std::string consumer, std::string id, uint64_t ttl_s) {
  AppendMany many;
  many.once.push_back({std::move(consumer), std::move(id), ttl_s});
  const auto marked = append(std::move(many));
  if (marked) return true;
  if (marked.error().code == Code::exists) return false;
  return std::unexpected(marked.error());
}

Result<bool> Log::was_processed(std::string_view consumer, std::string_view id) const {
  const LogState& state = *parts_->state;
  return state.expiring.holds_durably(*state.store, processed_id_key(consumer, id));
}

}  // namespace strandline
