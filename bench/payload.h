// The events that every side of every workload writes.
//
// Each event's data is 256 bytes, a function of its number: a JSON object of an order, whose member
// names repeat, whose numbers and identifiers differ, and of which 80 bytes are random letters.
// zstd (level 1) takes a batch of 100 of them to 0.36 of its size, much as it does real events.
// *Threads*: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/batch.h"

namespace strandline::bench {

inline constexpr size_t kPayloadBytes = 256;
inline constexpr uint32_t kBatchEvents = 100;

std::string payload(uint64_t number);
// splitmix64: a number in, 64 well mixed bits out (https://prng.di.unimi.it/splitmix64.c).
uint64_t mixed(uint64_t x);
const char* event_type(uint64_t number);

// A batch of `count` events from `first` on. With DataForm::json the log checks that the data is
// JSON; binary is opaque to it, as every value is to the yardsticks.
Batch batch_of(uint64_t first, uint32_t count, DataForm form = DataForm::binary);

// Built ahead, so that building is no part of what is measured: `how_many` different batches, to be
// appended in turn.
std::vector<Batch> batches(size_t how_many, uint32_t events_each, DataForm form = DataForm::binary);

// Touches every byte, as a reader that uses what it reads would.
uint64_t sum_words(std::string_view bytes);

}  // namespace strandline::bench
