#include "engine/state/access.h"

#include <fmt/format.h>

#include "engine/format/access_record.h"
#include "engine/state/commit_group.h"
#include "engine/state/log_state.h"

namespace strandline {

Status Access::load(Loading& loading) {
  Store& store = *loading.log.store;
  Changes repaired = store.changes();
  StoreIterator it = store.iterate(Family::access);
  for (it.seek_to_first(); it.valid(); it.next()) {
    std::string_view name;
    ApiKey key;
    if (decode_access_key(it.key(), name) && decode(it.value(), key)) {
      key.name = name;
      assigned_.put(std::make_shared<const ApiKey>(std::move(key)));
      continue;
    }
    const std::string what = fmt::format("a record of the access family, {} bytes behind {}, ",
                                         it.value().size(), name.empty() ? "no name" : name);
    if (!loading.lenient) return fail(Code::corrupt, what + "does not parse");
    loading.loss += what + "is lost: whoever had that key needs another; ";
    if (name.empty()) {
      repaired.erase(Family::access, it.key());
      continue;
    }
    // A key that nobody has, so that the log does not become one without keys, open to everybody.
    auto lost = std::make_shared<ApiKey>(
        ApiKey{.name = std::string(name), .digest = std::string(kSecretDigestBytes, '\0')});
    lost->revoked = Timestamp{0};
    repaired.put(Family::access, it.key(), encode(*lost));
    assigned_.put(std::move(lost));
  }
  if (auto damage = it.damage()) return fail(Code::corrupt, "the access family: " + *damage);
  if (!repaired.empty()) {
    if (auto ok = store.write(std::move(repaired)); !ok) return ok;
    if (auto ok = store.sync(); !ok) return ok;
  }
  durable_.store(std::make_shared<const ApiKeys>(assigned_));
  return {};
}

void Access::put(CommitGroup& group, ApiKeyPointer key) {
  group.of(*this).changed.push_back(key);
  assigned_.put(std::move(key));
}

void Access::stage(CommitGroup& group, const Store&) {
  for (const ApiKeyPointer& key : group.of(*this).changed) {
    group.changes.put(Family::access, access_key(key->name), encode(*key));
  }
}

void Access::publish(CommitGroup& group) {
  const auto& changed = group.of(*this).changed;
  if (changed.empty()) return;
  auto next = std::make_shared<ApiKeys>(*durable_.load());
  for (const ApiKeyPointer& key : changed) next->put(key);
  durable_.store(std::move(next));
}

}  // namespace strandline
