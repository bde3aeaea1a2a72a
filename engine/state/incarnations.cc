#include "engine/state/incarnations.h"

#include <fmt/format.h>

#include "engine/format/incarnation_record.h"
#include "engine/state/commit_group.h"
#include "engine/state/log_state.h"

namespace strandline {

IncarnationsPart::IncarnationsPart(StateParts& parts)
    : Collecting(parts), durable_(std::make_shared<const Incarnations>()) {}

Status IncarnationsPart::load(Loading& loading) {
  Store& store = *loading.log.store;
  Incarnation oldest;
  oldest.id = first_incarnation_id(store.identity());
  assigned_.all = {std::move(oldest)};
  std::string lost;
  StoreIterator it = store.iterate(Family::access);
  for (it.seek(incarnation_key(0)); it.valid(); it.next()) {
    uint32_t number = 0;
    if (!decode_incarnation_key(it.key(), number)) break;
    Incarnation incarnation;
    if (number != assigned_.all.size() || !decode(it.value(), incarnation)) {
      lost = fmt::format("the record of the log's incarnation {}", number);
      if (!loading.lenient) return fail(Code::corrupt, lost + " does not parse, or one is missing");
      break;
    }
    assigned_.all.push_back(std::move(incarnation));
  }
  if (auto damage = it.damage()) return fail(Code::corrupt, "the access family: " + *damage);
  if (!lost.empty()) {
    // Nobody knows which positions are good: so none from now on is taken for one of before.
    loading.loss += lost + " is lost: the log begins another one; ";
    const Incarnation fresh{.id = new_incarnation_id(),
                            .first = Sequence(loading.log.streams.log().tail().value),
                            .begun = loading.log.clock->now(),
                            .backup = 0};
    Changes repaired = store.changes();
    repaired.put(Family::access, incarnation_key(static_cast<uint32_t>(assigned_.all.size())),
                 encode(fresh));
    if (auto ok = store.write(std::move(repaired)); !ok) return ok;
    if (auto ok = store.sync(); !ok) return ok;
    assigned_.all.push_back(fresh);
  }
  durable_.store(std::make_shared<const Incarnations>(assigned_));
  return {};
}

void IncarnationsPart::put(CommitGroup& group, Incarnation incarnation) {
  group.of(*this).begun.push_back(incarnation);
  assigned_.all.push_back(std::move(incarnation));
}

void IncarnationsPart::stage(CommitGroup& group, const Store&) {
  const auto& begun = group.of(*this).begun;
  size_t number = assigned_.all.size() - begun.size();
  for (const Incarnation& one : begun) {
    group.changes.put(Family::access, incarnation_key(static_cast<uint32_t>(number++)),
                      encode(one));
  }
}

void IncarnationsPart::publish(CommitGroup& group) {
  const auto& begun = group.of(*this).begun;
  if (begun.empty()) return;
  auto next = std::make_shared<Incarnations>(*durable_.load());
  next->all.insert(next->all.end(), begun.begin(), begun.end());
  durable_.store(std::move(next));
}

}  // namespace strandline
