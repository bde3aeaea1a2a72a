#include "tools/resuming/membership.h"

#include <fmt/format.h>

#include <iostream>

#include "tools/base/interrupt.h"

namespace strandline::tools {
namespace {

// A member waits for its server as long as it takes.
constexpr std::chrono::seconds kMemberPatience = std::chrono::hours(24 * 365);

}  // namespace

Membership::Membership(LogHandle& log, const ConsumerInfo& consumer)
    : log_(log),
      is_server_(log.is_server()),
      name_(consumer.name),
      scope_(consumer.settings.select.kind == Selection::Kind::stream
                 ? consumer.settings.select.names.at(0)
                 : std::string(kAllName)),
      group_(consumer.settings.is_consumer_group()),
      backoff_(kMemberPatience) {
  pending_.consumer = name_;
}

void Membership::nack(uint64_t position, uint64_t delay_ms, std::string reason) {
  pending_.nacks.push_back(
      {.span = Span::of(position), .delay_ms = delay_ms, .reason = std::move(reason)});
}

Status Membership::join() {
  auto joined = log_.join(name_);
  if (!joined) return std::unexpected(joined.error());
  epoch_ = joined->epoch;
  ++joined_;
  if (group_) return {};
  // It was moved back meanwhile: then what was handled is to be handled again.
  if (joined->position < committed_) handled_.reset();
  committed_ = joined->position;
  return {};
}

Status Membership::recover(const Error& error) {
  if (Interrupt::raised()) return fail(Code::closed, "interrupted");
  if (error.code == Code::fenced) return rejoin_unless_taken(error);
  const bool full = error.code == Code::limit;
  if (!full && !(is_server_ && is_away(error))) return std::unexpected(error);
  if (!away_) std::cerr << fmt::format("strandline: {}; trying again\n", error.message);
  away_ = true;
  // An exclusive reader cannot know whether it was given something that never arrived.
  if (!full && !group_) epoch_ = 0;
  if (!backoff_.wait()) return fail(Code::closed, "interrupted");
  return {};
}

Status Membership::rejoin_unless_taken(const Error& error) {
  if (!group_) {
    const auto info = log_.describe_consumer(name_);
    if (!info) return recover(info.error());
    if (info->members > 0) {
      return fail(Code::fenced, fmt::format("another reader has taken over consumer {}", name_));
    }
    handled_.reset();
  }
  std::cerr << fmt::format("strandline: {}\n", error.message);
  epoch_ = 0;
  pending_.acks.clear();
  pending_.nacks.clear();
  pending_.extends.clear();
  pending_.returns.clear();
  return {};
}

Result<Fetched> Membership::fetch(size_t events_max, std::chrono::milliseconds wait) {
  while (true) {
    if (epoch_ == 0) {
      if (auto joined = join(); !joined) {
        if (auto recovered = recover(joined.error()); !recovered)
          return std::unexpected(recovered.error());
        continue;
      }
      // What is handled already is no attempt of the new epoch.
      if (!group_ && handled_) {
        if (auto committed = commit(*handled_); !committed)
          return std::unexpected(committed.error());
        if (epoch_ == 0) continue;
      }
    }
    Fetch request{.consumer = name_, .epoch = epoch_, .events_max = events_max, .wait = wait};
    pending_.epoch = epoch_;
    if (has_pending()) request.settle = pending_;
    auto fetched = log_.fetch(request);
    if (!fetched) {
      if (auto recovered = recover(fetched.error()); !recovered)
        return std::unexpected(recovered.error());
      continue;
    }
    pending_ = {.consumer = name_};
    if (away_) std::cerr << "strandline: connected again\n";
    away_ = false;
    backoff_.worked();
    if (!group_) skip_handled(*fetched);
    return fetched;
  }
}

// What was handled and not yet committed when it had to join again.
void Membership::skip_handled(Fetched& fetched) const {
  if (!handled_) return;
  std::vector<Events> runs;
  std::vector<Given> given;
  size_t at = 0;
  for (const Events& run : fetched.runs) {
    uint32_t skip = 0;
    while (skip < run.count() && fetched.given[at + skip].position < *handled_) ++skip;
    const auto from = fetched.given.begin() + static_cast<ptrdiff_t>(at + skip);
    given.insert(given.end(), from, from + (run.count() - skip));
    if (skip == 0) runs.push_back(run);
    if (skip > 0 && skip < run.count()) {
      runs.push_back(run.part(run.flatbuffer(), skip, run.count() - skip));
    }
    at += run.count();
  }
  fetched.runs = std::move(runs);
  fetched.given = std::move(given);
}

Status Membership::flush() {
  while (has_pending()) {
    pending_.epoch = epoch_;
    const auto settled = log_.settle(pending_);
    if (settled) {
      pending_ = {.consumer = name_};
    } else if (auto recovered = recover(settled.error()); !recovered) {
      return recovered;
    }
  }
  return {};
}

Status Membership::commit(uint64_t next) {
  handled_ = next;
  // While the server is away the position waits; the next commit moves it just as well.
  if (epoch_ == 0 || next <= committed_) return {};
  const auto committed =
      log_.commit({.consumer = name_, .stream = scope_, .next = next, .epoch = epoch_});
  if (!committed) return recover(committed.error());
  committed_ = *committed;
  return {};
}

// By leaving first: so it notices if another reader has taken over. It joins at once, and so
// notices one that comes before it fetches again.
Status Membership::end_attempt() {
  if (epoch_ == 0) return {};  // joining will end it
  if (const Status left = log_.leave(name_, epoch_, false); !left) return recover(left.error());
  epoch_ = 0;
  if (const Status joined = join(); !joined) return recover(joined.error());
  return {};
}

Status Membership::leave(bool untried) {
  // What was handled and could not be told, because it was interrupted.
  const Status told = handled_ ? commit(*handled_) : Status();
  if (epoch_ == 0) return told;
  const Status left = log_.leave(name_, epoch_, untried);
  epoch_ = 0;
  // Who is fenced has left; what a server that is away was not told is told by a deadline.
  if (!left && left.error().code != Code::fenced && !is_away(left.error())) return left;
  return told;
}

}  // namespace strandline::tools
