// What a group's members are given, and what they say of it.
#include <fmt/format.h>

#include <algorithm>

#include "engine/api/event_rules.h"
#include "engine/consumers/scout.h"
#include "engine/state/commit_group.h"
#include "engine/state/log_state.h"
#include "engine/writing/consumer_desk.h"

namespace strandline {
namespace {

Error not_yours(const NamedConsumer& consumer, uint64_t position, uint64_t member) {
  return {.code = Code::fenced,
          .message = member == 0 ? fmt::format("{} of consumer \"{}\" is being dead-lettered",
                                               position, consumer.name)
                                 : fmt::format("{} of consumer \"{}\" was given to member {} since",
                                               position, consumer.name, member),
          .current = member};
}

}  // namespace

Status check_reason(std::string_view reason) {
  constexpr size_t kReasonBytesMax = 256;
  if (!is_plain_text(reason)) {
    return fail(Code::invalid, "a reason is UTF-8 without control characters");
  }
  if (reason.size() <= kReasonBytesMax) return {};
  return fail(Code::invalid,
              fmt::format("a reason of {} bytes: the most is {}", reason.size(), kReasonBytesMax));
}

int64_t ConsumerDesk::deadline_us(const NamedConsumer& consumer) const {
  return now_us() + static_cast<int64_t>(consumer.settings()->ack_deadline_ms) * 1000;
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
  touch(consumer);
  if (!consumer.scout()) {
    consumer.set_scout(
        std::make_shared<Scout>(log_, consumer.settings(),
                                consumer.is_group ? consumer.state.next : position_of(consumer)));
    assignment.more = true;  // it has yet to look
    return assignment;
  }
  if (consumer.is_group) {
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
  const uint64_t floor = position_of(consumer);
  if (scout.position() < floor) scout.move_to(floor);
  if (is_spent(consumer, floor)) {
    assignment.burying = true;
    return;
  }
  size_t bytes = 0;
  size_t events_max = fetch.events_max;
  while (assignment.given.size() < events_max) {
    const Scout::Candidate* next = scout.peek();
    if (!next || (bytes > 0 && bytes + next->bytes > fetch.bytes_max)) break;
    bytes += next->bytes;
    const bool stands_there = assignment.given.empty() && consumer.given_to <= floor;
    const uint32_t attempt =
        stands_there ? count_attempt(consumer, assignment.epoch, next->position) : 1;
    // Alone, if it was tried before and may be given up on: so that no other is, for its sake.
    if (attempt > 1 && consumer.settings()->attempts() > 0) events_max = 1;
    assignment.given.push_back({next->position, attempt});
    consumer.given_to = next->position + 1;
    scout.take();
  }
  assignment.more = assignment.given.size() < events_max && is_behind(consumer);
}

// Of the event at the position: one for each epoch that is given it.
uint32_t ConsumerDesk::count_attempt(NamedConsumer& consumer, uint64_t epoch, uint64_t position) {
  ConsumerState& state = consumer.state;
  const bool again = state.attempts > 0 && state.tried == position;
  if (!again || state.tried_epoch != epoch) {
    state.attempts = again ? state.attempts + 1 : 1;
    state.tried = position;
    state.tried_epoch = epoch;
    put_state(consumer);
  }
  return static_cast<uint32_t>(std::min<uint64_t>(state.attempts, UINT32_MAX));
}

// Whether its scout has not given, or not looked at, all there is.
bool ConsumerDesk::is_behind(const NamedConsumer& consumer) const {
  const Stream* stream = log_.streams.find(scope_of(consumer));
  return stream && consumer.scout()->position() < stream->tail().value;
}

void ConsumerDesk::give_out(NamedConsumer& consumer, const Fetch& fetch, Assignment& assignment) {
  const SettingsPointer settings = consumer.settings();
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
  // What waits for another attempt comes first, because it is older.
  while (const auto position = unacked.next_ready()) {
    if (!has_room(unacked.find(*position)->bytes)) break;
    give(*position);
  }
  const bool older_left = unacked.next_ready().has_value();  // which come before anything new
  bool looked_at_more = false;
  while (!older_left) {
    const Scout::Candidate* next = scout.peek();
    if (!next || !has_room(next->bytes)) break;
    if (unacked.size() >= settings->unacked_max) {
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
    assignment.due_in = std::chrono::microseconds(std::max<int64_t>(0, *due - now));
  }
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
  if (!consumer.is_group) {
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
    if (auto ok = check_reason(nack.reason); !ok) return ok;
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
    // Where the member has given it back, it may say so again, or settle it after all.
    if (entry.attempts == 0 && entry.member != settle.epoch) return never(at->first);
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
  const uint32_t most = consumer.settings()->attempts();
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

// --- Commits.

Status ConsumerDesk::check(const Commit& commit) const {
  const ConsumerPointer consumer = log_.consumers.find(commit.consumer);
  if (!consumer) {
    if (!commit.epoch) return {};  // a position that its reader looks after by itself
    return fail(Code::not_found, fmt::format("no consumer \"{}\"", commit.consumer));
  }
  const SettingsPointer settings = consumer->settings();
  if (consumer->is_group) {
    return fail(
        Code::invalid,
        fmt::format("consumer \"{}\" is {}: its events are acked, and no position committed",
                    consumer->name, name_of(settings->mode)));
  }
  if (const std::string scope = scope_name(*settings); commit.stream != scope) {
    return fail(Code::invalid, fmt::format("consumer \"{}\" reads \"{}\", not \"{}\"",
                                           consumer->name, scope, commit.stream));
  }
  return check_epoch(*consumer, commit.epoch.value_or(0));
}

}  // namespace strandline
