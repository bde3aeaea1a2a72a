// What the consumers family holds of named consumers, besides their committed positions (keys.h).
//
// A name has no control characters, so a first byte below a space says what kind of record it is:
//
//   1                             -> u64 BE, the highest epoch of all consumers that were deleted
//   1, name                       -> a definition
//   2, consumer u64               -> its state
//   3, consumer u64, block u64    -> the unacked events of 64 positions (unacked.h)
//   4, consumer u64, position u64 -> u64 offset of the event's copy in the dead-letter stream,
//                                    u64 hash of its key
//
// Numbers in keys are big-endian, in values little-endian. FORMAT.md has a worked example.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/api/consumer.h"
#include "engine/api/types.h"

namespace strandline {

enum class ConsumerKey : char { definition = 1, state = 2, unacked = 3, dead = 4 };

std::string consumer_key(std::string_view name);                           // of a definition
std::string consumer_key(ConsumerKey kind, uint64_t id);                   // of a state
std::string consumer_key(ConsumerKey kind, uint64_t id, uint64_t number);  // of the others

struct DefinitionRecord {
  uint64_t id = 0;  // no other consumer's
  Timestamp created;
  ConsumerSettings settings;  // its start is kept to be told: where it stands is its state
};
std::string encode(const DefinitionRecord& record);
bool decode(std::string_view bytes, DefinitionRecord& record);

struct ConsumerState {
  uint64_t epoch = 0;  // the last that was given
  uint64_t fence = 0;  // epochs up to this one are fenced
  uint64_t next = 0;   // the first position that was never looked at; of an exclusive one, unused
  // Of an exclusive one: the event that epochs were given at its position, how many of them were,
  // and which was the last; 0 once that one has left.
  uint64_t tried = 0;
  uint64_t attempts = 0;
  uint64_t tried_epoch = 0;
};
std::string encode(const ConsumerState& state);
bool decode(std::string_view bytes, ConsumerState& state);

}  // namespace strandline
