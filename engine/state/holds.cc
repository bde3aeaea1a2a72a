#include "engine/state/holds.h"

#include <fmt/format.h>

#include "engine/api/rfc3339.h"
#include "engine/format/policy_record.h"
#include "engine/state/commit_group.h"
#include "engine/state/log_state.h"

namespace strandline {
namespace {

const Hold* held_in(const HoldList& holds, std::string_view stream, Timestamp now) {
  for (const auto& [name, hold] : holds) {
    if (hold.scope.covers(stream) && hold.in_force(now)) return &hold;
  }
  return nullptr;
}

}  // namespace

std::optional<Hold> Holds::held(std::string_view stream, Timestamp now) const {
  const auto holds = durable_.load();
  const Hold* hold = held_in(*holds, stream, now);
  return hold ? std::optional(*hold) : std::nullopt;
}

Status may_lose(const LogState& log, std::string_view stream) {
  const Hold* hold = held_in(log.holds.assigned(), stream, log.clock->now());
  if (!hold) return {};
  return fail(Code::held,
              fmt::format("stream \"{}\" is under the legal hold \"{}\" on {} ({}; by {}): nothing "
                          "of it is lost until the hold is released{}",
                          stream, hold->name, text_of(hold->scope), hold->reason,
                          hold->by.empty() ? "somebody unnamed" : hold->by,
                          hold->until ? ", or over at " + render_time(*hold->until) : ""));
}

Status Holds::load(Loading& loading) {
  Store& store = *loading.log.store;
  Changes repaired = store.changes();
  StoreIterator it = store.iterate(Family::streams);
  const std::string kind(1, static_cast<char>(KeyKind::hold));
  for (it.seek(kind); it.valid() && it.key().starts_with(kind); it.next()) {
    std::string_view name;
    Hold hold;
    const bool named = decode_hold_key(it.key(), name);
    if (named && decode(it.value(), hold)) {
      hold.name = name;
      assigned_[hold.name] = std::move(hold);
      continue;
    }
    const std::string what = fmt::format("the legal hold \"{}\"", name);
    if (!loading.lenient) return fail(Code::corrupt, what + " does not parse");
    loading.loss += what + " is damaged: it holds everything until it is released; ";
    const Hold everything{.name = named ? std::string(name) : "lost",
                          .scope = {.prefix = true},
                          .reason = "its record was damaged: nobody knows what it was on",
                          .by = "the repair of the log"};
    repaired.erase(Family::streams, it.key());
    repaired.put(Family::streams, hold_key(everything.name), encode(everything));
    assigned_[everything.name] = everything;
  }
  if (auto damage = it.damage()) return fail(Code::corrupt, "the streams family: " + *damage);
  if (!repaired.empty()) {
    if (auto ok = store.write(std::move(repaired)); !ok) return ok;
    if (auto ok = store.sync(); !ok) return ok;
  }
  durable_.store(std::make_shared<const HoldList>(assigned_));
  return {};
}

void Holds::put(CommitGroup& group, Hold hold) {
  group.of(*this).changed.push_back({hold.name, hold});
  assigned_[hold.name] = std::move(hold);
}

void Holds::release(CommitGroup& group, const std::string& name) {
  group.of(*this).changed.push_back({name, std::nullopt});
  assigned_.erase(name);
}

void Holds::stage(CommitGroup& group, const Store&) {
  for (const CollectedHolds::Change& one : group.of(*this).changed) {
    if (one.hold) {
      group.changes.put(Family::streams, hold_key(one.name), encode(*one.hold));
    } else {
      group.changes.erase(Family::streams, hold_key(one.name));
    }
  }
}

void Holds::publish(CommitGroup& group) {
  const auto& changed = group.of(*this).changed;
  if (changed.empty()) return;
  auto next = std::make_shared<HoldList>(*durable_.load());
  for (const CollectedHolds::Change& one : changed) {
    if (one.hold) {
      (*next)[one.name] = *one.hold;
    } else {
      next->erase(one.name);
    }
  }
  durable_.store(std::move(next));
}

}  // namespace strandline
