// The facade's part about named consumers.
#include <fmt/format.h>

#include <algorithm>

#include "engine/batch_reader.h"
#include "engine/consumer_desk.h"
#include "engine/consumer_wait.h"
#include "engine/cursors.h"
#include "engine/dead_letters.h"
#include "engine/event_rules.h"
#include "engine/log_parts.h"
#include "engine/retrieval.h"
#include "engine/scout.h"

namespace strandline {
namespace {

constexpr size_t kFetchEventsMax = 10'000;
constexpr size_t kFetchBytesMax = 32 << 20;

template <class T>
Result<T> outcome_of(Result<Outcome> outcome) {
  if (!outcome) return std::unexpected(std::move(outcome.error()));
  return std::get<T>(std::move(outcome->consumer));
}

// That a settlement holds while it waits.
size_t bytes_of(const Settle& settle) {
  size_t bytes = (settle.acks.size() + settle.extends.size() + settle.returns.size()) * sizeof(Span);
  for (const Settle::Nack& nack : settle.nacks) bytes += sizeof nack + nack.reason.size();
  return bytes;
}

Result<ConsumerPointer> find_consumer(const LogState& log, std::string_view name) {
  auto consumer = log.consumers.find(name);
  if (!consumer) return fail(Code::not_found, fmt::format("no consumer \"{}\"", name));
  return consumer;
}

Status check_settings(const std::string& name, ConsumerSettings& settings, const Limits& limits) {
  if (auto ok = check_name(name, limits); !ok) return ok;
  const auto bad = [](std::string why) { return fail(Code::invalid, std::move(why)); };
  if (settings.types.size() > limits.type_patterns_max) {
    return bad(fmt::format("{} types: a consumer has at most {}", settings.types.size(),
                           limits.type_patterns_max));
  }
  for (const std::string& type : settings.types) {
    if (type.empty() || type.size() > limits.name_bytes_max || !is_plain_text(type)) {
      return bad(fmt::format("a type is text of 1 to {} bytes", limits.name_bytes_max));
    }
  }
  if (!is_plain_text(settings.key) || settings.key.size() > limits.name_bytes_max) {
    return bad("a key is the name of an attribute");
  }
  if (!settings.key.empty() && settings.mode != ConsumerSettings::Mode::keyed) {
    return bad("only a consumer of mode keyed has a key");
  }
  const uint64_t deadline_max = 24 * 3600 * 1000;
  if (settings.ack_deadline_ms == 0 || settings.ack_deadline_ms > deadline_max) {
    return bad(fmt::format("an ack deadline of {} ms: it is from 1 to {}",
                           settings.ack_deadline_ms, deadline_max));
  }
  if (settings.unacked_max == 0 || settings.unacked_max > limits.unacked_max) {
    return bad(fmt::format("{} unacked events: a consumer has from 1 to {}", settings.unacked_max,
                           limits.unacked_max));
  }
  if (settings.select.names.size() > limits.selection_names_max) {
    return bad(fmt::format("{} streams: a consumer names at most {}", settings.select.names.size(),
                           limits.selection_names_max));
  }
  if (!settings.is_group()) {
    settings.dead_letters.clear();
    return {};
  }
  if (settings.dead_letters.empty()) settings.dead_letters = "dead-letters/" + name;
  if (auto ok = check_name(settings.dead_letters, limits); !ok) {
    return bad("its dead letters' stream: " + ok.error().message);
  }
  const bool several = settings.select.kind == Selection::Kind::prefix ||
                       settings.select.kind == Selection::Kind::all;
  if (!several && std::ranges::find(settings.select.names, settings.dead_letters) !=
                      settings.select.names.end()) {
    return bad("a consumer does not read the stream that its own dead letters go to");
  }
  return {};
}

// Where a reader that began there would stand.
Result<uint64_t> resolve(const LogState& log, const ConsumerSettings& settings, From from,
                         bool resets) {
  ReadOptions read = reading_of(settings, 0);
  read.from = std::move(from);
  read.deleted_too = resets;
  auto opened = open_cursor(log, std::move(read));
  if (!opened) return std::unexpected(std::move(opened.error()));
  return opened->cursor->position();
}

// When the event at a position was stored, if it can be read.
std::optional<Timestamp> stored_at(const LogState& log, const ConsumerInfo& info) {
  if (info.position >= info.available.tail) return std::nullopt;
  auto opened = open_cursor(
      log, reading_of(info.settings, std::max(info.position, info.available.start)));
  if (!opened) return std::nullopt;
  auto delivery = opened->cursor->next();
  if (!delivery || !*delivery) return std::nullopt;
  const auto* events = std::get_if<Events>(&**delivery);
  return events ? std::optional(events->stored()) : std::nullopt;
}

}  // namespace

// --- Its life.

Result<ConsumerInfo> Log::create_consumer(std::string name, ConsumerSettings settings) {
  const LogState& state = *parts_->state;
  if (auto ok = check_settings(name, settings, state.options.limits); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  const auto position = resolve(state, settings, settings.start, false);
  if (!position) return std::unexpected(position.error());
  auto info = outcome_of<ConsumerInfo>(
      parts_->perform(CreateConsumer{std::move(name), std::move(settings), *position}));
  if (info) info->oldest_unacked = stored_at(state, *info);
  return info;
}

Status Log::delete_consumer(std::string name) {
  auto outcome = parts_->perform(DeleteConsumer{std::move(name)});
  if (!outcome) return std::unexpected(std::move(outcome.error()));
  return {};
}

Result<ConsumerInfo> Log::reset_consumer(std::string name, From from) {
  const auto consumer = find_consumer(*parts_->state, name);
  if (!consumer) return std::unexpected(consumer.error());
  const auto position = resolve(*parts_->state, (*consumer)->settings, std::move(from), true);
  if (!position) return std::unexpected(position.error());
  auto info =
      outcome_of<ConsumerInfo>(parts_->perform(ResetConsumer{std::move(name), *position}));
  if (info) info->oldest_unacked = stored_at(*parts_->state, *info);
  return info;
}

Result<std::vector<ConsumerInfo>> Log::consumers(std::string prefix, std::string after,
                                                 size_t limit) const {
  LogState& state = *parts_->state;
  std::vector<ConsumerInfo> infos;
  if (parts_->writer) {
    auto listed = outcome_of<std::vector<ConsumerInfo>>(parts_->perform(
        DescribeConsumers{.prefix = std::move(prefix), .after = std::move(after), .limit = limit}));
    if (!listed) return std::unexpected(std::move(listed.error()));
    infos = std::move(*listed);
  } else {
    for (const auto& consumer : state.consumers.list(prefix, after, limit)) {
      infos.push_back(strandline::describe_consumer(state, *consumer, state.clock->elapsed_us()));
    }
  }
  for (ConsumerInfo& info : infos) info.oldest_unacked = stored_at(state, info);
  return infos;
}

Result<ConsumerInfo> Log::describe_consumer(std::string name) const {
  LogState& state = *parts_->state;
  const auto consumer = find_consumer(state, name);
  if (!consumer) return std::unexpected(consumer.error());
  Result<ConsumerInfo> info =
      parts_->writer
          ? outcome_of<ConsumerInfo>(parts_->perform(DescribeConsumers{.name = std::move(name)}))
          : strandline::describe_consumer(state, **consumer, state.clock->elapsed_us());
  if (info) info->oldest_unacked = stored_at(state, *info);
  return info;
}

Result<ConsumerSettings> Log::consumer_settings(std::string_view name) const {
  const auto consumer = find_consumer(*parts_->state, name);
  if (!consumer) return std::unexpected(consumer.error());
  return (*consumer)->settings;
}

Result<Joined> Log::join(std::string consumer) {
  return outcome_of<Joined>(parts_->perform(JoinConsumer{std::move(consumer)}));
}

Status Log::leave(std::string consumer, uint64_t epoch) {
  auto outcome = parts_->perform(LeaveConsumer{std::move(consumer), epoch});
  if (!outcome) return std::unexpected(std::move(outcome.error()));
  return {};
}

Result<uint64_t> Log::replay(std::string name, uint64_t limit) {
  const LogState& state = *parts_->state;
  const auto consumer = find_consumer(state, name);
  if (!consumer) return std::unexpected(consumer.error());
  // Only what can still be read: the others would come as a gap, and be letters no more.
  constexpr uint64_t kAtOnce = 1'000;
  ReplayDead replay{.name = name};
  std::vector<uint64_t> gone;
  for (uint64_t from = 0; replay.positions.size() < limit;) {
    auto dead = dead_letters(name, from, kAtOnce);
    if (!dead) return std::unexpected(std::move(dead.error()));
    if (dead->empty()) break;
    std::vector<Given> wanted;
    for (const DeadLetter& one : *dead) wanted.push_back({one.position, 0});
    auto found = strandline::retrieve(state, (*consumer)->settings, wanted);
    if (!found) return std::unexpected(std::move(found.error()));
    for (const Given& one : found->fetched.given) {
      if (replay.positions.size() < limit) replay.positions.push_back(one.position);
    }
    gone.insert(gone.end(), found->gone.begin(), found->gone.end());
    from = dead->back().position + 1;
  }
  if (replay.positions.empty() && !gone.empty()) {
    return fail(Code::conflict,
                fmt::format("the {} events that are dead letters of consumer \"{}\" are gone from "
                            "where they were; their copies are in \"{}\"",
                            gone.size(), name, (*consumer)->settings.dead_letters));
  }
  return outcome_of<uint64_t>(parts_->perform(std::move(replay)));
}

Result<std::vector<DeadLetter>> Log::dead_letters(std::string name, uint64_t from,
                                                  size_t limit) const {
  const auto consumer = find_consumer(*parts_->state, name);
  if (!consumer) return std::unexpected(consumer.error());
  if (!parts_->writer) return dead_letters_of(**consumer, from, limit);
  return outcome_of<std::vector<DeadLetter>>(
      parts_->perform(ListDead{.name = std::move(name), .from = from, .limit = limit}));
}

// --- Fetching.

void Log::fetch(Fetch request, Completion<Assignment> done) {
  const auto consumer = find_consumer(*parts_->state, request.consumer);
  if (!consumer) return done(std::unexpected(consumer.error()));
  if (request.events_max == 0 || request.events_max > kFetchEventsMax ||
      request.bytes_max > kFetchBytesMax) {
    return done(fail(Code::invalid, fmt::format("a fetch is of 1 to {} events, and of up to {} bytes",
                                                kFetchEventsMax, kFetchBytesMax)));
  }
  if (request.settle) {
    if (request.epoch == 0) {
      return done(fail(Code::invalid, "what was fetched before is settled in the epoch of then"));
    }
    request.settle->consumer = request.consumer;
    request.settle->epoch = request.epoch;
  }
  // Ahead of the writer, which must not wait for a disk.
  if (const auto scout = (*consumer)->scout()) {
    size_t want = request.events_max;
    // It may have to look past many whose keys are held.
    const ConsumerSettings& settings = (*consumer)->settings;
    if (settings.mode == ConsumerSettings::Mode::keyed) {
      want += std::min<size_t>(settings.unacked_max, kFetchEventsMax);
    }
    if (auto ok = scout->read_ahead(want); !ok) {
      return done(std::unexpected(std::move(ok.error())));
    }
  }
  const size_t bytes = kOperationBytes + (request.settle ? bytes_of(*request.settle) : 0);
  parts_->submit({.request = ConsumerRequest(GiveOut{std::move(request)}),
                  .done = [done = std::move(done)](Result<Outcome> outcome) {
                    done(outcome_of<Assignment>(std::move(outcome)));
                  },
                  .bytes = bytes});
}

Result<Fetched> Log::retrieve(const Assignment& assignment) {
  const LogState& state = *parts_->state;
  const auto consumer = find_consumer(state, assignment.consumer);
  if (!consumer) return std::unexpected(consumer.error());
  const ConsumerSettings& settings = (*consumer)->settings;
  for (size_t i = 0; i < assignment.exhausted.size(); ++i) {
    // If it fails, its deadline passes, and it is tried again; it is no concern of the others.
    const Status buried = bury(settings, assignment, i);
    if (!buried && state.options.on_warning) state.options.on_warning(buried.error().message);
  }
  auto retrieved = strandline::retrieve(state, settings, assignment.given);
  if (!retrieved) {
    return_unseen(assignment);
    return std::unexpected(std::move(retrieved.error()));
  }
  if (settings.is_group() && !retrieved->gone.empty()) {
    Settle gone{.consumer = assignment.consumer, .epoch = assignment.epoch};
    for (const uint64_t position : retrieved->gone) gone.acks.push_back(Span::of(position));
    settle(std::move(gone), [](Result<Settled>) {});
  }
  Fetched fetched = std::move(retrieved->fetched);
  fetched.epoch = assignment.epoch;
  fetched.gaps.insert(fetched.gaps.begin(), assignment.gaps.begin(), assignment.gaps.end());
  return fetched;
}

Status Log::bury(const ConsumerSettings& settings, const Assignment& assignment, size_t i) {
  const LogState& state = *parts_->state;
  const Given& given = assignment.exhausted[i];
  auto found = strandline::retrieve(state, settings, {given});
  if (!found) return std::unexpected(std::move(found.error()));
  AppendMany append;
  append.buries.push_back({assignment.consumer, {given.position}});
  if (!found->fetched.runs.empty()) {
    const Events& run = found->fetched.runs.front();
    auto copy = dead_letter(assignment.consumer, run.stream(), run[0], given.attempt,
                            assignment.causes[i], state.options.limits);
    if (!copy) return std::unexpected(std::move(copy.error()));
    append.parts.push_back({.stream = settings.dead_letters, .batch = std::move(*copy)});
  }
  this->append(std::move(append), [](Result<std::vector<Appended>>) {});
  return {};
}

void Log::return_unseen(const Assignment& assignment) {
  const auto consumer = parts_->state->consumers.find(assignment.consumer);
  if (!consumer || assignment.given.empty()) return;
  if (!consumer->settings.is_group()) {
    parts_->submit({.request = ConsumerRequest(Rewind{assignment.consumer, assignment.epoch,
                                                      assignment.given.front().position}),
                    .done = [](Result<Outcome>) {},
                    .bytes = kOperationBytes});
    return;
  }
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
    auto assignment =
        wait_for<Assignment>([&](auto done) { fetch(request, std::move(done)); });
    if (!assignment) return std::unexpected(std::move(assignment.error()));
    request.epoch = assignment->epoch;
    request.settle.reset();
    auto fetched = retrieve(*assignment);
    if (!fetched || !fetched->empty()) return fetched;
    if (!assignment->exhausted.empty() || assignment->more) continue;
    auto patience = until - std::chrono::steady_clock::now();
    if (patience <= patience.zero()) {
      if (assignment->full) return std::unexpected(full_of(request.consumer));
      return fetched;
    }
    if (assignment->due) {
      const int64_t due_us = assignment->due->us - parts_->state->clock->now().us;
      patience = std::min<std::chrono::steady_clock::duration>(
          patience, std::chrono::microseconds(std::max<int64_t>(due_us, 0) + 1));
    }
    signal->wait_for(patience);
    if (parts_->state->wakeups.closed()) return fail(Code::closed, "the log is closing");
  }
}

Error Log::full_of(std::string_view consumer) const {
  return {.code = Code::limit,
          .message = fmt::format(
              "as many events of consumer \"{}\" are unacked as it allows: ack some first",
              consumer)};
}

ConsumerWait Log::consumer_wait(std::string_view name) const {
  LogState& state = *parts_->state;
  const ConsumerPointer consumer = state.consumers.find(name);
  if (!consumer) return {};
  const Stream* stream = state.streams.find(scope_name(consumer->settings));
  return ConsumerWait(state.wakeups, stream ? stream->id : kLogStream, consumer->wakeup());
}

Result<Subscription> Log::subscribe_exclusive(std::string name, uint64_t epoch) const {
  const auto consumer = find_consumer(*parts_->state, name);
  if (!consumer) return std::unexpected(consumer.error());
  if ((*consumer)->settings.is_group()) {
    return fail(Code::invalid, fmt::format("consumer \"{}\" is not exclusive", name));
  }
  auto info = outcome_of<ConsumerInfo>(parts_->perform(DescribeConsumers{.name = name}));
  if (!info) return std::unexpected(std::move(info.error()));
  if (epoch != info->epoch) {
    return std::unexpected(Error{
        .code = Code::fenced,
        .message = fmt::format("epoch {} of consumer \"{}\" is over, the current one is {}", epoch,
                               name, info->epoch),
        .current = info->epoch});
  }
  ReadOptions read = reading_of((*consumer)->settings, info->position);
  read.types = TypeFilter((*consumer)->settings.types);
  return subscribe(std::move(read));
}

bool Log::is_fenced(std::string_view name, uint64_t epoch) const {
  const ConsumerPointer consumer = parts_->state->consumers.find(name);
  return !consumer || epoch <= consumer->fence();
}

// --- Settling.

void Log::settle(Settle request, Completion<Settled> done) {
  const size_t bytes = kOperationBytes + bytes_of(request);
  parts_->submit({.request = ConsumerRequest(std::move(request)),
                  .done = [done = std::move(done)](Result<Outcome> outcome) {
                    done(outcome_of<Settled>(std::move(outcome)));
                  },
                  .bytes = bytes});
}

Result<Settled> Log::settle(Settle request) {
  return wait_for<Settled>([&](auto done) { settle(std::move(request), std::move(done)); });
}

}  // namespace strandline
