// Makes the index of one sealed stripe from its events: the records that the index family holds of
// it (index_record.h).
//
// What it makes depends on nothing but the stripe's batches, so that making it again shows whether
// what is stored is right. *Threads*: any. *Memory*: 8 bytes an event, and the records.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/format/index_record.h"
#include "engine/store/store.h"

namespace strandline {

struct StripeIndex {
  StripeId stripe;
  std::vector<std::pair<std::string, std::string>> records;  // keys and values

  // Nothing where not every batch of the stripe can be read, or where there is none.
  static std::optional<StripeIndex> of(const Store& store, StripeId stripe);
};

}  // namespace strandline
