#include "tools/resuming/ledger.h"

#include <fmt/format.h>

#include <iostream>

namespace strandline::tools {
namespace {

// Enough to keep the log's fsync and this side's parsing busy at the same time.
constexpr size_t kUnderWayMax = 8;

}  // namespace

Ledger::Ledger(LogHandle& log, std::string consumer, Imported done, std::chrono::seconds patience)
    : log_(log),
      consumer_(std::move(consumer)),
      backoff_(patience),
      applied_(done),
      sent_(std::move(done)) {}

Status Ledger::apply(std::vector<AppendMany::Part> parts, Imported upto) {
  AppendMany request{.parts = std::move(parts)};
  if (!consumer_.empty()) {
    request.commits = {{.consumer = consumer_,
                        .stream = kLedgerStream,
                        .expected = sent_.bytes,
                        .next = upto.bytes,
                        .metadata = upto.metadata()}};
  }
  while (pending_.size() >= (consumer_.empty() ? 1 : kUnderWayMax)) {
    if (auto received = receive_one(); !received) return received;
  }
  sent_ = upto;
  pending_.push_back({std::move(request), std::move(upto)});
  if (!feed_) {
    auto feed = log_.feed();
    if (!feed) return recover(feed.error());
    feed_ = std::move(*feed);
  }
  if (auto sent = feed_->send(pending_.back().request); !sent) return recover(sent.error());
  return {};
}

Status Ledger::settle() {
  while (!pending_.empty()) {
    if (auto received = receive_one(); !received) return received;
  }
  return {};
}

Status Ledger::receive_one() {
  if (auto received = feed_->receive(); !received) return recover(received.error());
  applied_ = std::move(pending_.front().upto);
  pending_.pop_front();
  backoff_.worked();
  return {};
}

Status Ledger::recover(Error error) {
  bool said = false;
  while (true) {
    feed_.reset();
    const bool unknown = error.code == Code::outcome_unknown || error.code == Code::io;
    unknown_ = unknown_ || unknown;
    // What a run that was killed had under way may be applied after this one has begun: then the
    // ledger has moved, by lines that are these very ones.
    const bool moved = error.code == Code::conflict;
    const bool again = log_.is_server() && (unknown || moved || is_away(error));
    if (consumer_.empty() || !again) return std::unexpected(std::move(error));
    if (!said) std::cerr << fmt::format("strandline: {}; trying again\n", error.message);
    said = true;
    if (!backoff_.wait()) return std::unexpected(std::move(error));
    const auto ledger = find_ledger(log_, consumer_);
    if (!ledger) {
      error = ledger.error();
      continue;
    }
    const uint64_t position = ledger->bytes;
    if (moved && position == applied_.bytes) return std::unexpected(std::move(error));
    while (!pending_.empty() && pending_.front().upto.bytes <= position) {
      applied_ = std::move(pending_.front().upto);
      pending_.pop_front();
    }
    unknown_ = false;
    // The bytes of another import with this name may end in the same place.
    if (applied_.bytes != position || (position > 0 && applied_.sha256 != ledger->sha256)) {
      return fail(Code::conflict,
                  fmt::format("{} bytes are imported where {} were expected: another "
                              "import with this name is running",
                              position, applied_.bytes));
    }
    std::cerr << fmt::format("strandline: connected again, {} lines are imported\n",
                             applied_.lines);
    Status resent = resend();
    if (resent) return {};
    error = resent.error();
    said = false;
  }
}

Status Ledger::resend() {
  if (pending_.empty()) return {};
  auto feed = log_.feed();
  if (!feed) return std::unexpected(feed.error());
  feed_ = std::move(*feed);
  for (const Pending& pending : pending_) {
    if (auto sent = feed_->send(pending.request); !sent) return sent;
  }
  return {};
}

}  // namespace strandline::tools
