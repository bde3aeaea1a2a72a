// The facade's part about named consumers.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/api/event_rules.h"
#include "engine/consumers/consumer_wait.h"
#include "engine/consumers/retrieval.h"
#include "engine/consumers/scout.h"
#include "engine/log_parts.h"
#include "engine/reading/batch_reader.h"
#include "engine/reading/cursors.h"
#include "engine/writing/burial.h"
#include "engine/writing/consumer_desk.h"

namespace strandline {
namespace {

Status check_bounds(const ConsumerChange& change, const Limits& limits) {
  constexpr uint64_t kDeadlineMsMax = 24 * 3600 * 1000;
  if (const auto ms = change.ack_deadline_ms; ms && (*ms == 0 || *ms > kDeadlineMsMax)) {
    return fail(Code::invalid,
                fmt::format("an ack deadline of {} ms: it is from 1 to {}", *ms, kDeadlineMsMax));
  }
  if (const auto most = change.unacked_max; most && (*most == 0 || *most > limits.unacked_max)) {
    return fail(Code::invalid, fmt::format("{} unacked events: a consumer has from 1 to {}", *most,
                                           limits.unacked_max));
  }
  return {};
}

Status check_patterns(const char* what, const std::vector<std::string>& patterns,
                      const Limits& limits) {
  if (patterns.size() > limits.patterns_max) {
    return fail(Code::invalid, fmt::format("{} {}s: a consumer has at most {}", patterns.size(),
                                           what, limits.patterns_max));
  }
  for (const std::string& pattern : patterns) {
    if (pattern.empty() || pattern.size() > limits.name_bytes_max || !is_plain_text(pattern)) {
      return fail(Code::invalid,
                  fmt::format("a {} is text of 1 to {} bytes", what, limits.name_bytes_max));
    }
  }
  return {};
}

Status check_settings(const std::string& name, ConsumerSettings& settings, const Limits& limits) {
  if (auto ok = check_name(name, limits); !ok) return ok;
  const auto bad = [](std::string why) { return fail(Code::invalid, std::move(why)); };
  if (auto ok = check_patterns("type", settings.types, limits); !ok) return ok;
  if (auto ok = check_patterns("subject", settings.subjects, limits); !ok) return ok;
  if (!is_plain_text(settings.key) || settings.key.size() > limits.name_bytes_max) {
    return bad("a key is the name of an attribute");
  }
  if (!settings.key.empty() && settings.mode != ConsumerSettings::Mode::keyed) {
    return bad("only a consumer of mode keyed has a key");
  }
  if (auto ok = check_bounds(
          {.ack_deadline_ms = settings.ack_deadline_ms, .unacked_max = settings.unacked_max},
          limits);
      !ok) {
    return ok;
  }
  const ConsumerSettings fresh;
  if (!settings.is_consumer_group() && (settings.ack_deadline_ms != fresh.ack_deadline_ms ||
                                        settings.unacked_max != fresh.unacked_max)) {
    return bad(
        "an exclusive consumer has no ack deadline and no bound of what is unacked: it commits a "
        "position, and acks nothing");
  }
  if (settings.select.names.size() > limits.selection_names_max) {
    return bad(fmt::format("{} streams: a consumer names at most {}", settings.select.names.size(),
                           limits.selection_names_max));
  }
  settings.attempts_max = settings.attempts();
  if (settings.dead_letters.empty()) {
    settings.dead_letters.append(kDeadLetterPrefix).append(name);
  }
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
  take_filter(settings, read);  // the last N are N of those that it takes
  read.from = std::move(from);
  read.deleted_too = resets;
  auto opened = open_cursor(log, std::move(read));
  if (!opened) return std::unexpected(std::move(opened.error()));
  return opened->cursor->position();
}

// When the event at a position was stored, if it can be read.
std::optional<Timestamp> stored_at(const LogState& log, const ConsumerInfo& info) {
  if (info.position >= info.available.tail) return std::nullopt;
  auto opened =
      open_cursor(log, reading_of(info.settings, std::max(info.position, info.available.start)));
  if (!opened) return std::nullopt;
  auto delivery = opened->cursor->next();
  if (!delivery || !*delivery) return std::nullopt;
  const auto* events = std::get_if<Events>(&**delivery);
  return events ? std::optional(events->stored()) : std::nullopt;
}

std::string cause_of(const Skip& request) {
  return request.reason.empty() ? "skipped" : "skipped: " + request.reason;
}

}  // namespace

Error no_consumer(std::string_view name) {
  return {.code = Code::not_found, .message = fmt::format("no consumer \"{}\"", name)};
}

Result<ConsumerPointer> find_consumer(const LogState& log, std::string_view name) {
  auto consumer = log.consumers.find(name);
  if (!consumer) return std::unexpected(no_consumer(name));
  return consumer;
}

// --- Its life.

Result<ConsumerInfo> Log::create_consumer(std::string name, ConsumerSettings settings, Actor by) {
  const LogState& state = *parts_->state;
  if (auto ok = check_settings(name, settings, state.options.limits); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  const auto position = resolve(state, settings, settings.start, false);
  if (!position) return std::unexpected(position.error());
  auto info = outcome_of<ConsumerInfo>(parts_->perform(
      CreateConsumer{std::move(name), std::move(settings), *position}, std::move(by)));
  if (info) info->oldest_unacked = stored_at(state, *info);
  return info;
}

Status Log::delete_consumer(std::string name, Actor by) {
  auto outcome = parts_->perform(DeleteConsumer{name}, by);
  if (outcome) return {};
  if (outcome.error().code != Code::not_found) return std::unexpected(std::move(outcome.error()));
  AppendMany many;
  for (ConsumerPosition& one : positions_of(name)) {
    many.commits.push_back(
        {.consumer = name, .stream = std::move(one.stream), .move = Commit::Move::remove});
  }
  if (many.commits.empty()) return std::unexpected(std::move(outcome.error()));
  auto removed = parts_->perform(std::move(many), std::move(by),
                                 Act{.type = "strandline.consumer.deleted", .subject = name});
  return removed ? Status() : std::unexpected(std::move(removed.error()));
}

Result<std::vector<ConsumerPosition>> Log::reset_positions(std::string consumer, From from,
                                                           Actor by) {
  AppendMany many;
  for (ConsumerPosition& one : positions_of(consumer)) {
    uint64_t next = from.kind == From::Kind::position ? from.number : 0;
    if (one.stream != kImportLedgerName) {
      if (!available(one.stream)) continue;  // deleted: nothing is read there
      ReadOptions read{.from = from};
      if (one.stream != kAllName) read.select = Selection::stream(one.stream);
      auto opened = open_cursor(*parts_->state, std::move(read));
      if (!opened) return std::unexpected(std::move(opened.error()));
      next = opened->cursor->position();
    } else if (from.kind != From::Kind::position && from.kind != From::Kind::earliest) {
      return fail(Code::invalid, fmt::format("\"{}\" is a ledger: it goes to a number, or to "
                                             "earliest, which is 0",
                                             consumer));
    }
    many.commits.push_back({.consumer = consumer,
                            .stream = std::move(one.stream),
                            .next = next,
                            .move = Commit::Move::reset});
  }
  if (many.commits.empty()) {
    return fail(Code::not_found, fmt::format("no consumer \"{}\"", consumer));
  }
  auto reset = parts_->perform(std::move(many), std::move(by),
                               Act{.type = "strandline.consumer.reset", .subject = consumer});
  if (!reset) return std::unexpected(std::move(reset.error()));
  return positions_of(consumer);
}

Result<ConsumerInfo> Log::reset_consumer(std::string name, From from, Actor by) {
  const auto consumer = find_consumer(*parts_->state, name);
  if (!consumer) return std::unexpected(consumer.error());
  const auto position = resolve(*parts_->state, *(*consumer)->settings(), std::move(from), true);
  if (!position) return std::unexpected(position.error());
  auto info = outcome_of<ConsumerInfo>(
      parts_->perform(ResetConsumer{std::move(name), *position}, std::move(by)));
  if (info) info->oldest_unacked = stored_at(*parts_->state, *info);
  return info;
}

Result<ConsumerInfo> Log::update_consumer(std::string name, ConsumerChange change, Actor by) {
  const LogState& state = *parts_->state;
  const auto consumer = find_consumer(state, name);
  if (!consumer) return std::unexpected(consumer.error());
  if (!(*consumer)->is_group && (change.ack_deadline_ms || change.unacked_max)) {
    return fail(Code::invalid,
                fmt::format("consumer \"{}\" is exclusive: it commits a position, and has no ack "
                            "deadline and no bound of what is unacked",
                            name));
  }
  if (auto ok = check_bounds(change, state.options.limits); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  auto info = outcome_of<ConsumerInfo>(
      parts_->perform(UpdateConsumer{std::move(name), change}, std::move(by)));
  if (info) info->oldest_unacked = stored_at(state, *info);
  return info;
}

Result<std::vector<ConsumerInfo>> Log::consumers(std::string prefix, std::string after,
                                                 size_t limit) const {
  const LogState& state = *parts_->state;
  std::vector<ConsumerInfo> infos;
  for (const auto& consumer : state.consumers.list(prefix, after, limit)) {
    const StandingPointer standing = consumer->standing();
    if (!standing) continue;  // its creation is not durable yet
    infos.push_back(strandline::describe_consumer(state, *consumer, *standing));
    infos.back().oldest_unacked = stored_at(state, infos.back());
  }
  return infos;
}

Result<ConsumerInfo> Log::describe_consumer(std::string name) const {
  const LogState& state = *parts_->state;
  const auto consumer = find_consumer(state, name);
  if (!consumer) return std::unexpected(consumer.error());
  const StandingPointer standing = (*consumer)->standing();
  if (!standing) return std::unexpected(no_consumer(name));
  ConsumerInfo info = strandline::describe_consumer(state, **consumer, *standing);
  info.oldest_unacked = stored_at(state, info);
  return info;
}

Result<ConsumerSettings> Log::consumer_settings(std::string_view name) const {
  const auto consumer = find_consumer(*parts_->state, name);
  if (!consumer) return std::unexpected(consumer.error());
  return *(*consumer)->settings();
}

// --- Skipping.

// The next events that an exclusive consumer would be given.
Result<std::vector<Spent>> Log::next_of(const NamedConsumer& consumer, const Skip& request) const {
  const LogState& state = *parts_->state;
  const StandingPointer standing = consumer.standing();
  const uint64_t stands_at = standing->position;
  ReadOptions read = reading_of(*standing->settings, stands_at);
  take_filter(*standing->settings, read);
  auto opened = open_cursor(state, std::move(read));
  if (!opened) return std::unexpected(std::move(opened.error()));
  const bool one_stream = standing->settings->select.kind == Selection::Kind::stream;
  std::vector<Spent> spent;
  uint64_t stood_at = stands_at;
  while (spent.size() < request.count) {
    auto delivery = opened->cursor->next();
    if (!delivery) return std::unexpected(std::move(delivery.error()));
    if (!*delivery) break;  // the tail
    const auto* events = std::get_if<Events>(&**delivery);
    if (!events) continue;
    uint64_t position = one_stream ? events->first().value : events->sequence().value;
    for (uint32_t i = 0; i < events->count() && spent.size() < request.count; ++i, ++position) {
      spent.push_back({.position = position,
                       .attempts = 0,
                       .cause = cause_of(request),
                       .stood_at = std::exchange(stood_at, position + 1)});
    }
  }
  const auto asked = request.position;
  if (asked && *asked != stands_at && (spent.empty() || *asked != spent.front().position)) {
    return std::unexpected(Error{
        .code = Code::conflict,
        .message = fmt::format("consumer \"{}\" is exclusive and stands at {}: it skips what is "
                               "there, and not {}",
                               consumer.name, stands_at, *asked),
        .current = stands_at});
  }
  if (spent.empty()) {
    return fail(Code::conflict, fmt::format("consumer \"{}\" stands at {}, and there is nothing to "
                                            "skip",
                                            consumer.name, stands_at));
  }
  return spent;
}

Result<Skipped> Log::skip(Skip request, Actor by) {
  constexpr uint64_t kSkipMax = 1'000;
  const auto found = find_consumer(*parts_->state, request.consumer);
  if (!found) return std::unexpected(found.error());
  const NamedConsumer& consumer = **found;
  if (!parts_->writer) return fail(Code::read_only, "opened as an observer: it only reads");
  if (request.count == 0 || request.count > kSkipMax) {
    return fail(Code::invalid,
                fmt::format("a skip of {} events: it is of 1 to {}", request.count, kSkipMax));
  }
  if (auto ok = check_reason(request.reason); !ok) return std::unexpected(ok.error());
  if (!consumer.standing()) return std::unexpected(no_consumer(request.consumer));
  Result<std::vector<Spent>> spent;
  if (consumer.is_group) {
    TakeSkipped take{.name = request.consumer, .cause = cause_of(request)};
    const uint64_t from = request.position.value_or(consumer.standing()->position);
    if (request.position || request.count > 1) {
      take.span = Span{from, from + std::min(request.count, UINT64_MAX - from)};
    }
    spent = outcome_of<std::vector<Spent>>(parts_->perform(std::move(take)));
  } else {
    spent = next_of(consumer, request);
  }
  if (!spent) return std::unexpected(std::move(spent.error()));
  const Buried buried = bury(*parts_->state, consumer, *spent, [&](Operation operation) {
    const Bury& one = std::get<AppendMany>(operation.request).buries.front();
    operation.by = by;
    operation.act = Act{.type = "strandline.consumer.skipped",
                        .subject = one.consumer,
                        .details = fmt::format(R"(,"position":{})", one.positions.front())};
    parts_->submit(std::move(operation));
  });
  if (buried.error) return std::unexpected(*buried.error);
  return Skipped{buried.count, consumer.standing()->position};
}

// --- Members and dead letters.

Result<Joined> Log::join(std::string consumer) {
  return outcome_of<Joined>(parts_->perform(JoinConsumer{std::move(consumer)}));
}

Status Log::leave(std::string consumer, uint64_t epoch, bool untried) {
  auto outcome = parts_->perform(LeaveConsumer{std::move(consumer), epoch, untried});
  if (!outcome) return std::unexpected(std::move(outcome.error()));
  return {};
}

Result<uint64_t> Log::replay(std::string name, uint64_t limit, Actor by) {
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
    auto found = strandline::retrieve(state, *(*consumer)->settings(), wanted);
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
                            gone.size(), name, (*consumer)->settings()->dead_letters));
  }
  return outcome_of<uint64_t>(parts_->perform(std::move(replay), std::move(by)));
}

Result<std::vector<DeadLetter>> Log::dead_letters(std::string name, uint64_t from,
                                                  size_t limit) const {
  const auto consumer = find_consumer(*parts_->state, name);
  if (!consumer) return std::unexpected(consumer.error());
  if (!parts_->writer) return dead_letters_of(**consumer, from, limit);
  return outcome_of<std::vector<DeadLetter>>(
      parts_->perform(ListDead{.name = std::move(name), .from = from, .limit = limit}));
}

}  // namespace strandline
