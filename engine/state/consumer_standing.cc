#include "engine/state/consumer_standing.h"

#include <algorithm>

#include "engine/state/commit_group.h"
#include "engine/state/log_state.h"

namespace strandline {

std::string scope_name(const ConsumerSettings& settings) {
  const bool one = settings.select.kind == Selection::Kind::stream;
  return one ? settings.select.names.at(0) : std::string(kAllName);
}

uint64_t floor_of(const LogState& log, const NamedConsumer& consumer, StreamId scope) {
  if (!consumer.is_group) {
    return log.positions.assigned({consumer.name, scope}).value_or(0);
  }
  return consumer.unacked.first().value_or(consumer.state.next);
}

StreamId scope_id(const LogState& log, const ConsumerSettings& settings) {
  if (settings.select.kind != Selection::Kind::stream) return kLogStream;
  const Stream* stream = log.streams.find(settings.select.names.at(0));
  return stream ? stream->id : kImportLedger;  // a stream once created is never forgotten
}

bool is_spent(const NamedConsumer& consumer, uint64_t position) {
  const ConsumerState& state = consumer.state;
  const uint32_t most = consumer.settings()->attempts();
  return !consumer.is_group && most > 0 && state.attempts >= most && state.tried >= position &&
         state.tried_epoch != state.epoch;
}

StandingPointer standing_of(const LogState& log, NamedConsumer& consumer) {
  Unacked& unacked = consumer.unacked;
  const uint64_t position = floor_of(log, consumer, scope_id(log, *consumer.settings()));
  Standing standing{.settings = consumer.settings(),
                    .epoch = consumer.state.epoch,
                    .position = position,
                    .next = consumer.is_group ? consumer.state.next : position,
                    .unacked = unacked.size(),
                    .pending = unacked.pending(),
                    .in_flight = unacked.in_flight(),
                    .redelivered = unacked.redelivered(),
                    .dead_lettered = consumer.dead.size(),
                    .members = consumer.members.size()};
  const bool spent =
      consumer.is_group ? unacked.next_spent().has_value() : is_spent(consumer, position);
  standing.due_us = spent ? std::optional<int64_t>(0) : unacked.next_due();
  return std::make_shared<const Standing>(std::move(standing));
}

void Consumers::stage(CommitGroup& group, const Store&) {
  CollectedConsumers& collected = group.of(*this);
  for (const ConsumerPointer& consumer : collected.touched) {
    consumer->touched = false;
    collected.standings.emplace_back(consumer, standing_of(log_, *consumer));
  }
}

void Consumers::publish(CommitGroup& group) {
  for (auto& [consumer, standing] : group.of(*this).standings) {
    log_.alarms.set(consumer, standing->due_us);
    consumer->publish(std::move(standing));
  }
}

void publish_standings(LogState& log) {
  for (const ConsumerPointer& consumer : log.consumers.list("", "", SIZE_MAX)) {
    consumer->publish(standing_of(log, *consumer));
  }
}

ConsumerInfo describe_consumer(const LogState& log, const NamedConsumer& consumer,
                               const Standing& standing) {
  ConsumerInfo info{.name = consumer.name,
                    .settings = *standing.settings,
                    .created = consumer.created,
                    .epoch = standing.epoch,
                    .position = standing.position,
                    .next = standing.next,
                    .lag = standing.unacked,
                    .unacked = standing.unacked,
                    .pending = standing.pending,
                    .in_flight = standing.in_flight,
                    .redelivered = standing.redelivered,
                    .dead_lettered = standing.dead_lettered,
                    .members = standing.members};
  if (const Stream* stream = log.streams.find(scope_id(log, *standing.settings))) {
    const Offset start = stream->start();
    info.available = {start.value, stream->tail().value};
    const uint64_t from = std::max(info.next, start.value);
    info.lag += info.available.tail - std::min(from, info.available.tail);
  }
  return info;
}

}  // namespace strandline
