#include "bench/filled_log.h"

#include <atomic>
#include <semaphore>
#include <vector>

#include "bench/payload.h"
#include "bench/workload.h"

namespace strandline::bench {
namespace {

uint64_t sum_of(const Batch& batch) {
  uint64_t sum = 0;
  for (const auto* event : *batch.root().events()) {
    sum += sum_words({reinterpret_cast<const char*>(event->data()->data()), event->data()->size()});
  }
  return sum;
}

}  // namespace

Filled fill(Log& log, const Fill& what) {
  constexpr std::ptrdiff_t kUnderWay = 512;
  const std::vector<Batch> pool = batches(64, kBatchEvents, what.form);
  std::vector<uint64_t> sums;
  for (const Batch& batch : pool) sums.push_back(sum_of(batch));
  std::counting_semaphore<> slots(kUnderWay);
  std::atomic<uint64_t> refused = 0;
  Filled filled;
  for (uint64_t n = 0; filled.events < what.events; ++n) {
    const size_t at = n % pool.size();
    slots.acquire();
    log.append({.stream = what.stream_prefix + std::to_string(n % what.streams), .batch = pool[at]},
               [&](const Result<Appended>& done) {
                 if (!done) ++refused;
                 slots.release();
               });
    filled.events += kBatchEvents;
    filled.sum += sums[at];
  }
  for (std::ptrdiff_t i = 0; i < kUnderWay; ++i) slots.acquire();
  if (refused > 0) throw Failure("the log refused to be filled");
  return filled;
}

}  // namespace strandline::bench
