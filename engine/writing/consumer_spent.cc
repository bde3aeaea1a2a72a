// What a consumer is done with in vain: taken out to be dead-lettered, and then out of what is
// left.
#include <fmt/format.h>

#include "engine/format/keys.h"
#include "engine/state/commit_group.h"
#include "engine/state/log_state.h"
#include "engine/writing/consumer_desk.h"

namespace strandline {
namespace {

// For whoever dead-letters an event: what it takes to read it and append its copy, and more. If
// that fails it is tried again after so long.
constexpr int64_t kBuryUs = 10'000'000;
// Taken at once: the writer goes through them, and others wait meanwhile.
constexpr size_t kTakenMax = 100;

}  // namespace

// --- Taken out: by time alone, or to be skipped.

Spent ConsumerDesk::hold_spent(NamedConsumer& consumer, uint64_t position) {
  const Unacked::Entry& entry = *consumer.unacked.find(position);
  Spent spent{.position = position, .attempts = entry.attempts, .cause = name_of(entry.cause)};
  if (const auto reason = consumer.unacked.reason_of(position); !reason.empty()) {
    spent.cause.append(": ").append(reason);
  }
  consumer.unacked.hold(position, now_us() + kBuryUs);
  return spent;
}

Result<ConsumerOutcome> ConsumerDesk::run(const TakeSpent& request) {
  auto found = find(request.name);
  if (!found) return std::unexpected(std::move(found.error()));
  NamedConsumer& consumer = **found;
  std::vector<Spent> taken;
  if (!consumer.is_group) {
    const uint64_t position = position_of(consumer);
    if (is_spent(consumer, position)) {
      taken.push_back({.position = consumer.state.tried,
                       .attempts = static_cast<uint32_t>(consumer.state.attempts),
                       .cause = "not committed",
                       .stood_at = position});
    }
    return ConsumerOutcome(std::move(taken));
  }
  const auto could_be_given = consumer.unacked.next_ready();
  consumer.unacked.expire(now_us());
  while (taken.size() < kTakenMax) {
    const auto position = consumer.unacked.next_spent();
    if (!position) break;
    taken.push_back(hold_spent(consumer, *position));
  }
  put_unacked(consumer);
  if (consumer.unacked.next_ready() != could_be_given) group_.woken.push_back(consumer.wakeup());
  return ConsumerOutcome(std::move(taken));
}

Result<ConsumerOutcome> ConsumerDesk::run(const TakeSkipped& request) {
  auto found = find(request.name);
  if (!found) return std::unexpected(std::move(found.error()));
  NamedConsumer& consumer = **found;
  const Unacked::Entries& entries = consumer.unacked.entries();
  Span span = Span::of(consumer.unacked.first().value_or(consumer.state.next));
  if (request.span) span = *request.span;
  std::vector<Spent> taken;
  for (auto at = entries.lower_bound(span.from); at != entries.end() && at->first < span.to; ++at) {
    const Unacked::Entry& entry = at->second;
    if (entry.in_flight && entry.member == 0) continue;  // it is being dead-lettered
    taken.push_back({.position = at->first, .attempts = entry.attempts, .cause = request.cause});
  }
  if (taken.empty()) {
    return fail(Code::conflict,
                fmt::format("of [{}, {}) consumer \"{}\" has nothing unacked: there "
                            "is nothing to skip",
                            span.from, span.to, consumer.name));
  }
  for (const Spent& one : taken) consumer.unacked.hold(one.position, now_us() + kBuryUs);
  put_unacked(consumer);
  return ConsumerOutcome(std::move(taken));
}

// --- Dead-lettered.

Status ConsumerDesk::check(const Bury& bury) const {
  auto found = find(bury.consumer);
  if (!found) return std::unexpected(std::move(found.error()));
  const size_t most = log_.options.limits.dead_letters_max;
  if ((*found)->dead.size() + bury.positions.size() > most) {
    return fail(Code::limit, fmt::format("consumer \"{}\" has {} dead letters, which is the most: "
                                         "replay some, or reset it",
                                         bury.consumer, most));
  }
  if (!(*found)->is_group) {
    const uint64_t position = position_of(**found);
    if (bury.stood_at == position) return {};
    return std::unexpected(
        Error{.code = Code::conflict,
              .message = fmt::format("consumer \"{}\" stands at {}, and stood at {} when {} was to "
                                     "be dead-lettered",
                                     bury.consumer, position, bury.stood_at, bury.positions.at(0)),
              .current = position});
  }
  for (const uint64_t position : bury.positions) {
    const Unacked::Entry* entry = (*found)->unacked.find(position);
    if (entry && entry->in_flight && entry->member == 0) continue;
    return fail(Code::conflict, fmt::format("{} of consumer \"{}\" is not to be dead-lettered",
                                            position, bury.consumer));
  }
  return {};
}

void ConsumerDesk::apply(const Bury& bury, std::optional<Offset> first) {
  NamedConsumer& consumer = **find(bury.consumer);
  for (const uint64_t position : bury.positions) {
    if (first) {
      const uint64_t key = consumer.is_group ? consumer.unacked.find(position)->key : 0;
      const NamedConsumer::Dead dead{first->value, key};
      *first += 1;
      std::string record;
      put_le<uint64_t>(record, dead.at);
      put_le<uint64_t>(record, dead.key);
      group_.changes.put(Family::consumers, consumer_key(ConsumerKey::dead, consumer.id, position),
                         record);
      consumer.dead[position] = dead;
    }
    if (consumer.is_group) consumer.unacked.erase(position, now_us());
  }
  if (consumer.is_group) {
    put_unacked(consumer);
  } else {
    consumer.state.attempts = 0;
    put_state(consumer);
    put_position(consumer, bury.positions.back() + 1);
  }
  group_.woken.push_back(consumer.wakeup());
}

}  // namespace strandline
