#include "engine/writing/consumer_desk.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/consumers/scout.h"
#include "engine/reading/batch_reader.h"
#include "engine/state/commit_group.h"
#include "engine/state/log_state.h"

namespace strandline {
namespace {

// A member that says nothing for so long is not counted any more. It may go on all the same.
constexpr int64_t kMemberSilenceUs = int64_t{3600} * 1'000'000;
// Where there are too many, so long and two ack deadlines are enough: what it had has come back.
constexpr int64_t kShortSilenceUs = int64_t{60} * 1'000'000;

bool selects(const ConsumerSettings& settings, std::string_view stream) {
  const Selection& select = settings.select;
  if (leaves_out_dead_letters(select) && stream.starts_with(kDeadLetterPrefix)) return false;
  switch (select.kind) {
    case Selection::Kind::stream:
    case Selection::Kind::list:
      return std::ranges::find(select.names, stream) != select.names.end();
    case Selection::Kind::prefix:
      return stream.starts_with(select.names.at(0));
    case Selection::Kind::all:
      return true;
  }
  return true;
}

Error kept_for(const NamedConsumer& consumer, uint64_t floor) {
  return {
      .code = Code::conflict,
      .message = fmt::format(
          "consumer \"{}\" retains what it has not acked, and stands at {}: delete or reset it, "
          "or let it go on",
          consumer.name, floor),
      .current = floor};
}

}  // namespace

int64_t ConsumerDesk::now_us() const { return log_.clock->elapsed_us(); }

Result<NamedConsumer*> ConsumerDesk::find(const std::string& name) const {
  const ConsumerPointer consumer = log_.consumers.find(name);
  if (!consumer) return fail(Code::not_found, fmt::format("no consumer \"{}\"", name));
  return consumer.get();  // which only this thread removes
}

Result<ConsumerOutcome> ConsumerDesk::perform(const ConsumerRequest& request) {
  return std::visit([&](const auto& one) { return run(one); }, request);
}

void ConsumerDesk::touch(NamedConsumer& consumer) {
  if (std::exchange(consumer.touched, true)) return;
  group_.of(log_.consumers).touched.push_back(consumer.shared_from_this());
}

void ConsumerDesk::touch(std::string_view name) {
  if (const ConsumerPointer consumer = log_.consumers.find(name)) touch(*consumer);
}

// --- Its life.

Result<ConsumerOutcome> ConsumerDesk::run(const CreateConsumer& request) {
  if (log_.consumers.find(request.name)) {
    return fail(Code::exists, fmt::format("consumer \"{}\" exists", request.name));
  }
  const size_t most = log_.options.limits.named_consumers_max;
  if (log_.consumers.count() >= most) {
    return fail(Code::limit, fmt::format("a log has at most {} named consumers", most));
  }
  DefinitionRecord definition{
      .id = log_.consumers.next_id(), .created = stored_, .settings = request.settings};
  group_.changes.put(Family::consumers, consumer_key(request.name), encode(definition));
  auto consumer = std::make_shared<NamedConsumer>(request.name, std::move(definition));
  log_.consumers.add(consumer);
  // Whoever read one of this name that was deleted is fenced.
  consumer->state.epoch = consumer->state.fence = log_.consumers.epoch_floor();
  consumer->state.next = request.position;
  put_state(*consumer);
  // A reader that looked after its position by itself goes on where it stood.
  const auto stood = log_.positions.assigned({consumer->name, scope_of(*consumer)});
  put_position(*consumer, stood.value_or(request.position));
  return describe(*consumer);
}

Result<ConsumerOutcome> ConsumerDesk::run(const DeleteConsumer& request) {
  auto found = find(request.name);
  if (!found) return std::unexpected(std::move(found.error()));
  NamedConsumer& consumer = **found;
  Changes& changes = group_.changes;
  changes.erase(Family::consumers, consumer_key(consumer.name));
  changes.erase(Family::consumers, consumer_key(ConsumerKey::state, consumer.id));
  while (const auto first = consumer.unacked.first()) consumer.unacked.erase(*first, 0);
  put_unacked(consumer);
  for (const auto& [position, dead] : consumer.dead) {
    changes.erase(Family::consumers, consumer_key(ConsumerKey::dead, consumer.id, position));
  }
  if (!consumer.is_group) {
    const Positions::Key key{consumer.name, scope_of(consumer)};
    log_.positions.forget(group_, key);
  }
  log_.consumers.raise_epoch_floor(consumer.state.epoch);
  changes.put(Family::consumers, consumer_key(""), be64(log_.consumers.epoch_floor()));
  consumer.state.fence = UINT64_MAX;
  consumer.publish_fence();
  group_.woken.push_back(consumer.wakeup());
  log_.consumers.remove(consumer);
  return ConsumerOutcome();
}

Result<ConsumerOutcome> ConsumerDesk::run(const ResetConsumer& request) {
  auto found = find(request.name);
  if (!found) return std::unexpected(std::move(found.error()));
  NamedConsumer& consumer = **found;
  while (const auto first = consumer.unacked.first()) consumer.unacked.erase(*first, 0);
  put_unacked(consumer);
  // What is to come again is no dead letter any more.
  const auto again = consumer.dead.lower_bound(request.position);
  for (auto at = again; at != consumer.dead.end(); ++at) {
    group_.changes.erase(Family::consumers,
                         consumer_key(ConsumerKey::dead, consumer.id, at->first));
  }
  consumer.dead.erase(again, consumer.dead.end());
  consumer.members.clear();
  consumer.state.fence = ++consumer.state.epoch;
  consumer.state.next = request.position;
  consumer.state.attempts = 0;
  consumer.given_to = 0;
  if (const auto scout = consumer.scout()) scout->move_to(request.position);
  put_state(consumer);
  put_position(consumer, request.position);
  group_.woken.push_back(consumer.wakeup());
  return describe(consumer);
}

Result<ConsumerOutcome> ConsumerDesk::run(const UpdateConsumer& request) {
  auto found = find(request.name);
  if (!found) return std::unexpected(std::move(found.error()));
  NamedConsumer& consumer = **found;
  ConsumerSettings settings = *consumer.settings();
  const ConsumerChange& change = request.change;
  settings.ack_deadline_ms = change.ack_deadline_ms.value_or(settings.ack_deadline_ms);
  if (change.attempts_max) settings.attempts_max = change.attempts_max;
  settings.unacked_max = change.unacked_max.value_or(settings.unacked_max);
  settings.retain = change.retain.value_or(settings.retain);
  log_.consumers.retain(consumer, settings.retain);
  group_.changes.put(Family::consumers, consumer_key(consumer.name),
                     encode(DefinitionRecord{
                         .id = consumer.id, .created = consumer.created, .settings = settings}));
  consumer.change(std::move(settings));
  touch(consumer);
  group_.woken.push_back(consumer.wakeup());
  return describe(consumer);
}

Joined ConsumerDesk::join(NamedConsumer& consumer) {
  const uint64_t epoch = ++consumer.state.epoch;
  const uint64_t position = position_of(consumer);
  if (!consumer.is_group) {
    consumer.members.clear();
    consumer.state.fence = epoch - 1;
    consumer.given_to = 0;
    if (const auto scout = consumer.scout()) scout->move_to(position);
    group_.woken.push_back(consumer.wakeup());
  }
  consumer.members[epoch] = now_us();
  put_state(consumer);
  return {epoch, position};
}

Result<ConsumerOutcome> ConsumerDesk::run(const JoinConsumer& request) {
  auto found = find(request.name);
  if (!found) return std::unexpected(std::move(found.error()));
  NamedConsumer& consumer = **found;
  const auto forget = [&](int64_t silence_us) {
    std::erase_if(consumer.members,
                  [&](const auto& member) { return member.second < now_us() - silence_us; });
  };
  forget(kMemberSilenceUs);
  const size_t most = log_.options.limits.members_max;
  if (consumer.is_group && consumer.members.size() >= most) {
    const auto deadline_us = static_cast<int64_t>(consumer.settings()->ack_deadline_ms) * 1000;
    forget(std::max(kShortSilenceUs, 2 * deadline_us));
  }
  if (consumer.is_group && consumer.members.size() >= most) {
    return fail(Code::limit, fmt::format("consumer \"{}\" has {} members, which is the most",
                                         consumer.name, most));
  }
  return join(consumer);
}

Result<ConsumerOutcome> ConsumerDesk::run(const LeaveConsumer& request) {
  auto found = find(request.name);
  if (!found) return std::unexpected(std::move(found.error()));
  NamedConsumer& consumer = **found;
  if (auto ok = check_epoch(consumer, request.epoch); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  std::vector<uint64_t> has;
  for (const auto& [position, entry] : consumer.unacked.entries()) {
    if (entry.in_flight && entry.member == request.epoch) has.push_back(position);
  }
  for (const uint64_t position : has) {
    if (request.untried) {
      consumer.unacked.take_back(position, now_us());
    } else {
      consumer.unacked.put_back(position, Cause::left, 0, now_us());
    }
  }
  put_unacked(consumer);
  ConsumerState& state = consumer.state;
  if (!consumer.is_group && state.tried_epoch == request.epoch) {
    state.tried_epoch = 0;  // so that leaving once more takes back nothing
    if (request.untried && state.attempts > 0) --state.attempts;
    put_state(consumer);
  }
  consumer.members.erase(request.epoch);
  touch(consumer);
  group_.woken.push_back(consumer.wakeup());
  return ConsumerOutcome();
}

Result<ConsumerOutcome> ConsumerDesk::run(const ReplayDead& request) {
  auto found = find(request.name);
  if (!found) return std::unexpected(std::move(found.error()));
  NamedConsumer& consumer = **found;
  if (!consumer.is_group) {
    return fail(Code::invalid, fmt::format("consumer \"{}\" is exclusive, and reads in order: "
                                           "reset it to give an event again, or read \"{}\"",
                                           consumer.name, consumer.settings()->dead_letters));
  }
  uint64_t replayed = 0;
  for (const uint64_t position : request.positions) {
    const auto at = consumer.dead.find(position);
    if (at == consumer.dead.end()) continue;  // replayed, or reset, meanwhile
    if (consumer.unacked.size() >= consumer.settings()->unacked_max) {
      if (replayed > 0) break;
      return fail(Code::limit, fmt::format("{} events of consumer \"{}\" are unacked, which is the "
                                           "most: ack some first",
                                           consumer.unacked.size(), consumer.name));
    }
    const uint64_t key = at->second.key;
    consumer.dead.erase(at);
    group_.changes.erase(Family::consumers, consumer_key(ConsumerKey::dead, consumer.id, position));
    consumer.unacked.add(position, {.key = key, .cause = Cause::replayed}, now_us());
    ++replayed;
  }
  put_unacked(consumer);
  group_.woken.push_back(consumer.wakeup());
  return ConsumerOutcome(replayed);
}

Result<ConsumerOutcome> ConsumerDesk::run(const Rewind& request) {
  auto found = find(request.name);
  if (!found) return std::unexpected(std::move(found.error()));
  NamedConsumer& consumer = **found;
  if (auto ok = check_epoch(consumer, request.epoch); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  if (const auto scout = consumer.scout()) scout->move_to(request.position);
  consumer.given_to = std::min(consumer.given_to, request.position);
  group_.woken.push_back(consumer.wakeup());
  return ConsumerOutcome();
}

Result<ConsumerOutcome> ConsumerDesk::run(const ListDead& request) {
  auto found = find(request.name);
  if (!found) return std::unexpected(std::move(found.error()));
  return dead_letters_of(**found, request.from, request.limit);
}

// --- What there is to say of it.

ConsumerInfo ConsumerDesk::describe(NamedConsumer& consumer) const {
  return describe_consumer(log_, consumer, *standing_of(log_, consumer));
}

StreamId ConsumerDesk::scope_of(const NamedConsumer& consumer) const {
  return scope_id(log_, *consumer.settings());
}

uint64_t ConsumerDesk::position_of(const NamedConsumer& consumer) const {
  return floor_of(log_, consumer, scope_of(consumer));
}

void ConsumerDesk::put_position(NamedConsumer& consumer, uint64_t position) {
  if (consumer.is_group) return;
  touch(consumer);
  const Positions::Key key{consumer.name, scope_of(consumer)};
  const PositionRecord record{.next = position, .committed_us = stored_.us};
  log_.positions.put(group_, key, record);
}

void ConsumerDesk::put_state(NamedConsumer& consumer) {
  consumer.publish_fence();
  touch(consumer);
  group_.changes.put(Family::consumers, consumer_key(ConsumerKey::state, consumer.id),
                     encode(consumer.state));
}

void ConsumerDesk::put_unacked(NamedConsumer& consumer) {
  touch(consumer);
  const int64_t now = now_us(), unix_offset_us = log_.clock->now().us - now;
  for (const uint64_t block : consumer.unacked.take_touched()) {
    const std::string key = consumer_key(ConsumerKey::unacked, consumer.id, block);
    const std::string record = consumer.unacked.encode_block(block, unix_offset_us, now);
    if (record.empty()) {
      group_.changes.erase(Family::consumers, key);
    } else {
      group_.changes.put(Family::consumers, key, record);
    }
  }
}

std::vector<DeadLetter> dead_letters_of(const NamedConsumer& consumer, uint64_t from,
                                        size_t limit) {
  std::vector<DeadLetter> letters;
  for (auto at = consumer.dead.lower_bound(from);
       at != consumer.dead.end() && letters.size() < limit; ++at) {
    letters.push_back({.position = at->first, .at = Offset(at->second.at)});
  }
  return letters;
}

// --- Retention.

Status may_forget(const LogState& log, const Stream& stream, Offset before) {
  for (const NamedConsumer* consumer : log.consumers.retaining()) {
    const SettingsPointer settings = consumer->settings();
    if (!selects(*settings, stream.name)) continue;
    const StreamId scope = scope_id(log, *settings);
    const uint64_t floor = floor_of(log, *consumer, scope);
    if (scope == stream.id) {
      if (floor < before.value) return std::unexpected(kept_for(*consumer, floor));
      continue;
    }
    // It counts in sequences: where is the last that would go?
    if (before <= stream.start()) continue;
    BatchReader reader(log, stream);
    const Offset last = std::min(before, stream.tail()) - 1;
    if (reader.load(last)) continue;  // damaged: nobody can read it any more
    const Part part = reader.batch().part_covering(last);
    if (part.sequence.value + (last - part.first) >= floor) {
      return std::unexpected(kept_for(*consumer, floor));
    }
  }
  return {};
}

}  // namespace strandline
