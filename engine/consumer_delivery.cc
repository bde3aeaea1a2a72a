// What a group's members are given, and what they say of it.
#include <fmt/format.h>

#include <algorithm>

#include "engine/consumer_desk.h"
#include "engine/event_rules.h"
#include "engine/group.h"
#include "engine/log_state.h"
#include "engine/scout.h"

namespace strandline {
namespace {

// For whoever dead-letters an event: what it takes to read it and append its copy, and more.
constexpr int64_t kBuryUs = 10'000'000;
constexpr size_t kReasonBytesMax = 256;
// Dead letters in one fetch: each is read and appended before its answer.
constexpr size_t kExhaustedMax = 100;

Error not_yours(const NamedConsumer& consumer, uint64_t position, uint64_t member) {
  return {.code = Code::fenced,
          .message = member == 0 ? fmt::format("{} of consumer \"{}\" is being dead-lettered",
                                               position, consumer.name)
                                 : fmt::format("{} of consumer \"{}\" was given to member {} since",
                                               position, consumer.name, member),
          .current = member};
}

}  // namespace

int64_t ConsumerDesk::deadline_us(const NamedConsumer& consumer) const {
  return now_us() + static_cast<int64_t>(consumer.settings.ack_deadline_ms) * 1000;
}

Status ConsumerDesk::check_epoch(const NamedConsumer& consumer, uint64_t epoch) const {
  const ConsumerState& state = consumer.state;
  if (epoch > state.fence && epoch <= state.epoch) return {};
  if (epoch == 0 || epoch > state.epoch) {
    return fail(Code::invalid, fmt::format("epoch {} of consumer \"{}\" was never given: join it",
                                           epoch, consumer.name));
  }
  return std::unexpected(Error{
      .code = Code::fenced,
      .message =
          fmt::format("epoch {} of consumer \"{}\" is over, the current one is {}: join again",
                      epoch, consumer.name, state.epoch),
      .current = state.epoch});
}

// --- Giving out.

Result<ConsumerOutcome> ConsumerDesk::run(const GiveOut& request) {
  const Fetch& fetch = request.fetch;
  auto found = find(fetch.consumer);
  if (!found) return std::unexpected(std::move(found.error()));
  NamedConsumer& consumer = **found;
  Assignment assignment{.consumer = fetch.consumer, .epoch = fetch.epoch};
  if (fetch.epoch == 0) {
    auto joined = run(JoinConsumer{fetch.consumer});
    if (!joined) return std::unexpected(std::move(joined.error()));
    assignment.epoch = std::get<Joined>(*joined).epoch;
  } else if (auto ok = check_epoch(consumer, fetch.epoch); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  if (fetch.settle) {
    if (auto ok = check(*fetch.settle); !ok) return std::unexpected(std::move(ok.error()));
    assignment.settled = apply(*fetch.settle);
  }
  consumer.members[assignment.epoch] = now_us();
  if (!consumer.scout()) {
    const bool group = consumer.settings.is_group();
    consumer.set_scout(std::make_shared<Scout>(
        log_, consumer.settings, group ? consumer.state.next : position_of(consumer)));
    assignment.more = true;  // it has yet to look
    return assignment;
  }
  if (consumer.settings.is_group()) {
    give_out(consumer, fetch, assignment);
    put_unacked(consumer);
  } else {
    give_exclusive(consumer, fetch, assignment);
  }
  assignment.gaps = consumer.scout()->take_gaps();
  return assignment;
}

void ConsumerDesk::give_exclusive(NamedConsumer& consumer, const Fetch& fetch,
                                  Assignment& assignment) {
  Scout& scout = *consumer.scout();
  // What is committed is handled, whoever it was given to.
  if (const uint64_t floor = position_of(consumer); scout.position() < floor) scout.move_to(floor);
  size_t bytes = 0;
  while (assignment.given.size() < fetch.events_max) {
    const Scout::Candidate* next = scout.peek();
    if (!next || (bytes > 0 && bytes + next->bytes > fetch.bytes_max)) break;
    bytes += next->bytes;
    assignment.given.push_back({next->position, 1});
    scout.take();
  }
  assignment.more = assignment.given.size() < fetch.events_max && is_behind(consumer);
}

// Whether its scout has not given, or not looked at, all there is.
bool ConsumerDesk::is_behind(const NamedConsumer& consumer) const {
  const Stream* stream = log_.streams.find(scope_of(consumer));
  return stream && consumer.scout()->position() < stream->tail().value;
}

void ConsumerDesk::give_out(NamedConsumer& consumer, const Fetch& fetch, Assignment& assignment) {
  const ConsumerSettings& settings = consumer.settings;
  Unacked& unacked = consumer.unacked;
  const int64_t now = now_us(), deadline = deadline_us(consumer);
  unacked.expire(now);
  Scout& scout = *consumer.scout();
  size_t bytes = 0;
  size_t events_max = fetch.events_max;
  if (fetch.window > 0) {
    const size_t has = unacked.in_flight_of(assignment.epoch);
    events_max = std::min(events_max, fetch.window - std::min(has, fetch.window));
  }
  const auto has_room = [&](uint32_t next_bytes) {
    return assignment.given.size() < events_max &&
           (assignment.given.empty() || bytes + next_bytes <= fetch.bytes_max);
  };
  const auto give = [&](uint64_t position) {
    const Unacked::Entry& entry = *unacked.find(position);
    bytes += entry.bytes;
    assignment.given.push_back({position, entry.attempts + 1});
    unacked.give(position, assignment.epoch, deadline);
  };
  // What waits comes first, for it is older.
  while (const auto position = unacked.next_ready()) {
    const Unacked::Entry& entry = *unacked.find(*position);
    if (settings.attempts_max > 0 && entry.attempts >= settings.attempts_max) {
      if (assignment.exhausted.size() >= kExhaustedMax) {
        assignment.more = true;
        break;
      }
      hold_exhausted(consumer, *position, assignment);
      continue;
    }
    if (!has_room(entry.bytes)) break;
    give(*position);
  }
  const bool older_left = unacked.next_ready().has_value();  // which come before anything new
  bool looked_at_more = false;
  while (!older_left) {
    const Scout::Candidate* next = scout.peek();
    if (!next || !has_room(next->bytes)) break;
    if (unacked.size() >= settings.unacked_max) {
      assignment.full = true;
      break;
    }
    const uint64_t position = next->position;
    unacked.add(position, {.key = next->key, .bytes = next->bytes}, now);
    scout.take();
    looked_at_more = true;
    // In mode keyed it may have to wait for an older one.
    if (unacked.next_ready() == position) give(position);
  }
  consumer.state.next = scout.position();
  if (!assignment.full && assignment.given.size() < events_max && is_behind(consumer)) {
    assignment.more = true;
  }
  // What a filter left out need not be remembered: it would be left out again.
  if (looked_at_more) put_state(consumer);
  std::ranges::sort(assignment.given, {}, &Given::position);
  if (const auto due = unacked.next_due()) {
    assignment.due = Timestamp{log_.clock->now().us + std::max<int64_t>(0, *due - now)};
  }
}

void ConsumerDesk::hold_exhausted(NamedConsumer& consumer, uint64_t position,
                                  Assignment& assignment) {
  const Unacked::Entry& entry = *consumer.unacked.find(position);
  std::string cause = name_of(entry.cause);
  if (const auto reason = consumer.unacked.reason_of(position); !reason.empty()) {
    cause.append(": ").append(reason);
  }
  assignment.exhausted.push_back({position, entry.attempts});
  assignment.causes.push_back(std::move(cause));
  consumer.unacked.hold(position, now_us() + kBuryUs);
}

// --- Settling.

Result<ConsumerOutcome> ConsumerDesk::run(const Settle& request) {
  if (auto ok = check(request); !ok) return std::unexpected(std::move(ok.error()));
  return apply(request);
}

Status ConsumerDesk::check(const Settle& settle) const {
  auto found = find(settle.consumer);
  if (!found) return std::unexpected(std::move(found.error()));
  const NamedConsumer& consumer = **found;
  if (!consumer.settings.is_group()) {
    return fail(Code::invalid,
                fmt::format("consumer \"{}\" is exclusive: it commits a position, and acks nothing",
                            consumer.name));
  }
  if (auto ok = check_epoch(consumer, settle.epoch); !ok) return ok;
  if (auto ok = check_size(settle); !ok) return ok;
  for (const Span& span : settle.acks) {
    if (auto ok = check_span(consumer, settle, span); !ok) return ok;
  }
  for (const Settle::Nack& nack : settle.nacks) {
    if (auto ok = check_span(consumer, settle, nack.span); !ok) return ok;
    if (nack.delay_ms > static_cast<uint64_t>(kDelayMaxUs / 1000)) {
      return fail(Code::invalid, fmt::format("a delay of {} ms: the most is {}", nack.delay_ms,
                                             kDelayMaxUs / 1000));
    }
    if (!is_plain_text(nack.reason)) {
      return fail(Code::invalid, "a reason is UTF-8 without control characters");
    }
    if (nack.reason.size() > kReasonBytesMax) {
      return fail(Code::invalid, fmt::format("a reason of {} bytes: the most is {}",
                                             nack.reason.size(), kReasonBytesMax));
    }
  }
  for (const Span& span : settle.returns) {
    if (auto ok = check_span(consumer, settle, span); !ok) return ok;
  }
  for (const Span& span : settle.extends) {
    if (auto ok = check_span(consumer, settle, span); !ok) return ok;
    for (uint64_t at = span.from; at < span.to; ++at) {
      if (consumer.unacked.find(at)) continue;
      return fail(Code::invalid, fmt::format("{} of consumer \"{}\" is not in flight any more", at,
                                             consumer.name));
    }
  }
  return {};
}

// The writer goes through all of it, and others wait meanwhile.
Status ConsumerDesk::check_size(const Settle& settle) const {
  const size_t most = log_.options.limits.settle_positions_max;
  uint64_t positions = 0;
  const auto add = [&](const Span& span) {
    if (span.from >= span.to) return;  // refused below
    positions += std::min<uint64_t>(span.to - span.from, most + 1);
  };
  for (const Span& span : settle.acks) add(span);
  for (const Settle::Nack& nack : settle.nacks) add(nack.span);
  for (const Span& span : settle.extends) add(span);
  for (const Span& span : settle.returns) add(span);
  if (positions <= most) return {};
  return fail(Code::too_large,
              fmt::format("a settlement of more than {} positions: send several", most));
}

// All of it was given to this member last, or is acked.
Status ConsumerDesk::check_span(const NamedConsumer& consumer, const Settle& settle,
                                const Span& span) const {
  const size_t most = log_.options.limits.settle_positions_max;
  if (span.from >= span.to || span.to - span.from > most) {
    return fail(Code::invalid, fmt::format("[{}, {}) is not a range of 1 to {} positions",
                                           span.from, span.to, most));
  }
  const auto never = [&](uint64_t position) {
    return fail(Code::invalid,
                fmt::format("{} of consumer \"{}\" was never given out", position, consumer.name));
  };
  if (span.to > consumer.state.next) return never(std::max(span.from, consumer.state.next));
  const Unacked::Entries& entries = consumer.unacked.entries();
  for (auto at = entries.lower_bound(span.from); at != entries.end() && at->first < span.to; ++at) {
    const Unacked::Entry& entry = at->second;
    if (entry.attempts == 0) return never(at->first);
    const bool held = entry.in_flight && entry.member == 0;
    if (held || entry.member != settle.epoch) {
      return std::unexpected(not_yours(consumer, at->first, entry.member));
    }
  }
  return {};
}

Settled ConsumerDesk::apply(const Settle& settle) {
  NamedConsumer& consumer = **find(settle.consumer);
  Unacked& unacked = consumer.unacked;
  const int64_t now = now_us();
  Settled settled;
  const auto in = [&](const Span& span) {
    std::vector<uint64_t> positions;
    const Unacked::Entries& entries = unacked.entries();
    for (auto at = entries.lower_bound(span.from); at != entries.end() && at->first < span.to;
         ++at) {
      positions.push_back(at->first);
    }
    return positions;
  };
  for (const Span& span : settle.acks) {
    const std::vector<uint64_t> positions = in(span);
    for (const uint64_t position : positions) unacked.erase(position, now);
    settled.acked += positions.size();
    settled.already += span.to - span.from - positions.size();
  }
  const uint32_t most = consumer.settings.attempts_max;
  for (const Settle::Nack& nack : settle.nacks) {
    for (const uint64_t position : in(nack.span)) {
      const bool exhausted = most > 0 && unacked.find(position)->attempts >= most;
      // What is not given out again need not wait for that.
      const int64_t delay_us = exhausted ? 0 : static_cast<int64_t>(nack.delay_ms) * 1000;
      unacked.put_back(position, Cause::nacked, delay_us == 0 ? 0 : now + delay_us, now);
      unacked.set_reason(position, nack.reason);
      ++settled.nacked;
      settled.exhausted += exhausted ? 1 : 0;
    }
  }
  for (const Span& span : settle.returns) {
    for (const uint64_t position : in(span)) unacked.take_back(position, now);
  }
  for (const Span& span : settle.extends) {
    for (const uint64_t position : in(span)) {
      if (unacked.extend(position, deadline_us(consumer))) ++settled.extended;
    }
  }
  consumer.members[settle.epoch] = now;
  put_unacked(consumer);
  group_.woken.push_back(consumer.wakeup());
  return settled;
}

// --- Dead letters.

Status ConsumerDesk::check(const Bury& bury) const {
  auto found = find(bury.consumer);
  if (!found) return std::unexpected(std::move(found.error()));
  const size_t most = log_.options.limits.dead_letters_max;
  if ((*found)->dead.size() + bury.positions.size() > most) {
    return fail(Code::limit, fmt::format("consumer \"{}\" has {} dead letters, which is the most: "
                                         "replay some, or reset it",
                                         bury.consumer, most));
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
      const NamedConsumer::Dead dead{first->value, consumer.unacked.find(position)->key};
      *first += 1;
      std::string record;
      put_le<uint64_t>(record, dead.at);
      put_le<uint64_t>(record, dead.key);
      group_.changes.put(Family::consumers, consumer_key(ConsumerKey::dead, consumer.id, position),
                         record);
      consumer.dead[position] = dead;
    }
    consumer.unacked.erase(position, now_us());
  }
  put_unacked(consumer);
  group_.woken.push_back(consumer.wakeup());
}

// --- Commits.

Status ConsumerDesk::check(const Commit& commit) const {
  const ConsumerPointer consumer = log_.consumers.find(commit.consumer);
  if (!consumer) {
    if (!commit.epoch) return {};  // a position that its reader looks after by itself
    return fail(Code::not_found, fmt::format("no consumer \"{}\"", commit.consumer));
  }
  if (consumer->settings.is_group()) {
    return fail(
        Code::invalid,
        fmt::format("consumer \"{}\" is {}: its events are acked, and no position committed",
                    consumer->name, name_of(consumer->settings.mode)));
  }
  if (const std::string scope = scope_name(consumer->settings); commit.stream != scope) {
    return fail(Code::invalid, fmt::format("consumer \"{}\" reads \"{}\", not \"{}\"",
                                           consumer->name, scope, commit.stream));
  }
  return check_epoch(*consumer, commit.epoch.value_or(0));
}

}  // namespace strandline
