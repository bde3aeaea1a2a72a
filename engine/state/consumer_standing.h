// Where a consumer stands, and what there is to say of it.
//
// *Threads*: as each says.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/api/consumer.h"
#include "engine/state/consumers.h"

namespace strandline {

struct LogState;
class Stream;

// Of a nack, or a skip.
Status check_reason(std::string_view reason);

// Whether an exclusive consumer's event at its position is to be dead-lettered: its last attempt is
// over, for the one who had it has left, or another has joined.
bool is_spent(const NamedConsumer& consumer, uint64_t position);

// What a consumer's positions are of: a stream's name, or `$all`.
std::string scope_name(const ConsumerSettings& settings);

StreamId scope_id(const LogState& log, const ConsumerSettings& settings);
// The writer's: all below it is acked (committed).
uint64_t floor_of(const LogState& log, const NamedConsumer& consumer, StreamId scope);
StandingPointer standing_of(const LogState& log, NamedConsumer& consumer);

// Any thread.
ConsumerInfo describe_consumer(const LogState& log, const NamedConsumer& consumer,
                               const Standing& standing);
// Publishes where each consumer stands, before there is a writer.
void publish_standings(LogState& log);
std::vector<DeadLetter> dead_letters_of(const NamedConsumer& consumer, uint64_t from, size_t limit);

// `conflict` if what lies below `before` of a stream must be kept for a consumer that retains it.
Status may_forget(const LogState& log, const Stream& stream, Offset before);

}  // namespace strandline
