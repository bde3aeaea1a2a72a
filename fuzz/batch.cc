// A FlatBuffer from a client: Batch::verified, and everything that reads a batch which it took.
#include "engine/api/batch.h"

#include "engine/base/check.h"
#include "fuzz/fields.h"
#include "fuzz/target.h"

// Small, so that small inputs meet them.
static const strandline::Limits kBatchLimits{
    .event_bytes_max = 1024, .batch_bytes_max = 4096, .batch_events_max = 16};

FUZZ_TARGET(batch) {
  const auto batch = strandline::Batch::verified(std::string(bytes), kBatchLimits);
  if (!batch) {
    CHECK_TRUE(!batch.error().message.empty());
    return;
  }
  // JSON data on several lines is put on one, and so the batch built again (event_rules.h): once.
  const auto again = strandline::Batch::verified(std::string(batch->bytes()), kBatchLimits);
  CHECK_TRUE(again.has_value());
  CHECK_EQ(again->bytes(), batch->bytes());
  strandline::fuzz::check_accepted(*batch, kBatchLimits);
}
