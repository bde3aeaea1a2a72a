// Log's policies of prefixes, its legal holds, and its retention.
#include <fmt/format.h>

#include <algorithm>

#include "engine/api/event_rules.h"
#include "engine/log.h"
#include "engine/log_parts.h"

namespace strandline {
namespace {

constexpr size_t kReasonBytesMax = 1'024;

Status check_prefix(const std::string& prefix, const Limits& limits) {
  if (prefix.size() > limits.name_bytes_max) {
    return fail(Code::invalid, fmt::format("a prefix of {} bytes: names have at most {}",
                                           prefix.size(), limits.name_bytes_max));
  }
  if (!is_plain_text(prefix)) {
    return fail(Code::invalid, "a prefix with control characters, or that is not UTF-8");
  }
  if (prefix.starts_with('$')) {
    return fail(Code::invalid, "names that begin with $ are the log's own");
  }
  return {};
}

// Of all that was stored and not dropped: what can be read, and what is there besides.
std::pair<uint64_t, uint64_t> kept_and_dead(const LogState& state) {
  const auto segments = state.segments.list();
  if (segments.empty()) return {0, 0};
  const uint64_t total = state.streams.log().bytes();
  uint64_t all = 0;
  uint64_t dead = 0, removed = 0;
  for (const auto& [id, record] : segments) {
    dead += std::max(state.retention_counts.dead_of(id), record.dead_bytes);
    removed += record.dead_bytes;
    all += record.sealed ? record.bytes : total - std::min(total, record.bytes_before);
  }
  return {all - std::min(all, dead), dead - removed};
}

std::string text_of(const Actor& by) {
  if (!by.is_named()) return {};
  return fmt::format("{} {}", name_of(by.kind), by.name);
}

}  // namespace

// --- Policies.

std::vector<ScopedPolicy> Log::policies() const {
  auto all = parts_->state->policies.set()->all();
  std::erase_if(all, [](const ScopedPolicy& one) { return !one.scope.prefix; });
  return all;
}

EffectivePolicy Log::effective_policy(std::string_view stream) const {
  return parts_->state->policies.set()->of(stream);
}

Result<Policy> Log::change_policy(std::string prefix, PolicyChange change, Actor by) {
  Status ok = check_prefix(prefix, parts_->state->options.limits);
  if (ok) ok = check_policy(change);
  if (!ok) return std::unexpected(std::move(ok.error()));
  auto outcome = parts_->perform(ChangePolicy{prefix, std::move(change)}, std::move(by));
  if (!outcome) return std::unexpected(std::move(outcome.error()));
  const auto policies = parts_->state->policies.set();
  const Policy* own = policies->own({.prefix = true, .name = prefix});
  return own ? *own : Policy();
}

// --- Legal holds.

std::vector<Hold> Log::holds() const {
  std::vector<Hold> out;
  for (const auto& [name, hold] : *parts_->state->holds.list()) out.push_back(hold);
  return out;
}

Result<Hold> Log::hold(NewHold hold, Actor by) {
  const Limits& limits = parts_->state->options.limits;
  Status ok = check_name(hold.name, limits);
  if (ok && hold.scope.prefix) ok = check_prefix(hold.scope.name, limits);
  if (ok && !hold.scope.prefix) ok = check_name(hold.scope.name, limits);
  if (ok && (hold.reason.empty() || hold.reason.size() > kReasonBytesMax)) {
    ok = fail(Code::invalid, fmt::format("a hold says why, in 1 to {} bytes", kReasonBytesMax));
  }
  if (ok && !is_utf8(hold.reason)) ok = fail(Code::invalid, "a reason that is not UTF-8");
  if (ok && hold.until && *hold.until <= now()) {
    ok = fail(Code::invalid, "a hold that is over already holds nothing");
  }
  if (!ok) return std::unexpected(std::move(ok.error()));
  const std::string name = hold.name;
  const Actor& known = by.is_named() ? by : parts_->state->options.actor;
  std::string who = text_of(known);
  auto outcome = parts_->perform(LayHold{std::move(hold), std::move(who)}, std::move(by));
  if (!outcome) return std::unexpected(std::move(outcome.error()));
  const auto holds = parts_->state->holds.list();
  const auto found = holds->find(name);
  // Released by somebody else meanwhile.
  if (found == holds->end()) return fail(Code::not_found, fmt::format("no hold \"{}\"", name));
  return found->second;
}

Status Log::release_hold(std::string name, Actor by) {
  auto outcome = parts_->perform(ReleaseHold{std::move(name)}, std::move(by));
  if (!outcome) return std::unexpected(std::move(outcome.error()));
  return {};
}

// --- Retention.

std::optional<RetentionPause> Log::retention_paused() const {
  const auto paused = parts_->state->retention.paused();
  return paused ? std::optional(*paused) : std::nullopt;
}

RetentionInfo Log::retention() const {
  const LogState& state = *parts_->state;
  const RetentionCounts& counts = state.retention_counts;
  const auto paused = state.retention.paused();
  const auto [kept, dead] = kept_and_dead(state);
  return {.paused = paused ? std::optional(*paused) : std::nullopt,
          .lag_s = counts.lag_s,
          .passes = counts.passes,
          .events_expired = counts.events_expired,
          .segments_dropped = counts.segments_dropped,
          .segments_rewritten = counts.segments_rewritten,
          .kept_bytes = kept,
          .dead_bytes = dead,
          .disk_bytes = state.store->live_bytes(),
          .reclaimed_bytes = counts.reclaimed_bytes,
          .log_bytes_max = state.options.log_bytes_max,
          .blocked = counts.blocked()};
}

void Log::begin_retention() {
  const Actor by{.kind = Actor::Kind::program, .name = "retention"};
  const auto perform = [this, by](Operation::Request request) {
    return parts_->perform(std::move(request), by);
  };
  const auto drop = [this, by](SegmentId segment) { return drop_segment(segment, by); };
  const auto seal = [this, by]() -> Status {
    auto sealed = roll(by);
    if (!sealed) return std::unexpected(std::move(sealed.error()));
    return {};
  };
  parts_->retention = std::make_unique<Retention>(
      *parts_->state, Retention::Means{.perform = perform, .drop = drop, .roll = seal});
  parts_->rewriter =
      std::make_unique<Rewriter>(*parts_->state, Rewriter::Means{.perform = perform, .drop = drop});
}

Status Log::retain_now() {
  if (!parts_->retention) return fail(Code::read_only, "opened as an observer: it only reads");
  return parts_->retention->look();
}

Status Log::reclaim_now() {
  if (!parts_->rewriter) return fail(Code::read_only, "opened as an observer: it only reads");
  return parts_->rewriter->look(0);
}

Status Log::confirm_clock(Actor by) {
  auto outcome = parts_->perform(ConfirmClock{}, std::move(by));
  if (!outcome) return std::unexpected(std::move(outcome.error()));
  return {};
}

}  // namespace strandline
