#include "engine/writing/indexer.h"

#include <sys/resource.h>

#include <chrono>
#include <utility>

#include "engine/base/waiter.h"

namespace strandline {
namespace {

// After a refusal, of a busy writer or a full disk.
constexpr std::chrono::seconds kIndexAgain(1);
// Of the thread, so that appends and readers come first.
constexpr int kIndexerNice = 10;

}  // namespace

Indexer::Indexer(LogState& log, std::function<void(Operation)> submit)
    : log_(log), submit_(std::move(submit)) {
  thread_ = std::thread([this] { run(); });
}

Indexer::~Indexer() {
  log_.index.stop();
  thread_.join();
}

void Indexer::run() {
  (void)setpriority(PRIO_PROCESS, 0, kIndexerNice);  // on Linux: of this thread
  while (const auto work = log_.index.wait_for_work()) {
    if (log_.failure.failed()) return;
    std::optional<KeepIndex> request;
    if (work->gone) {
      request = KeepIndex{log_.index.removal_of(work->stripe)};
    } else if (auto made = StripeIndex::of(*log_.store, work->stripe)) {
      request = KeepIndex{*std::move(made)};
    } else {
      log_.index.give_up(work->stripe);
      continue;
    }
    if (!keep(*std::move(request)) && !log_.index.pause_for(kIndexAgain)) return;
  }
}

Status Indexer::keep(KeepIndex request) {
  size_t bytes = sizeof(Operation);
  if (const auto* made = std::get_if<StripeIndex>(&request.change)) {
    for (const auto& [key, value] : made->records) bytes += key.size() + value.size();
  }
  Waiter waiter;
  Status kept;
  submit_({.request = std::move(request),
           .done =
               [&](Result<Outcome> outcome) {
                 if (!outcome) kept = std::unexpected(std::move(outcome.error()));
                 waiter.answered();
               },
           .bytes = bytes});
  waiter.wait();
  return kept;
}

}  // namespace strandline
