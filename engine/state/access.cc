#include "engine/state/access.h"

#include <fmt/format.h>

#include "engine/disk/disk.h"
#include "engine/format/access_record.h"
#include "engine/state/commit_group.h"
#include "engine/state/log_state.h"

namespace strandline {
namespace {

constexpr char kGuardedFile[] = "GUARDED";
constexpr char kGuardedText[] = "This log has had an API key.\n";
// Of the key that stands for those that are lost. It is a key like any other, and may be made anew.
constexpr char kLostName[] = "lost";

// A key that nobody has, so that the log does not become one without keys, open to everybody.
std::shared_ptr<ApiKey> lost_key(std::string_view name) {
  auto lost = std::make_shared<ApiKey>(
      ApiKey{.name = std::string(name), .digest = std::string(kSecretDigestBytes, '\0')});
  lost->revoked = Timestamp{0};
  return lost;
}

}  // namespace

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
    auto lost = lost_key(name);
    repaired.put(Family::access, it.key(), encode(*lost));
    assigned_.put(std::move(lost));
  }
  if (auto damage = it.damage()) return fail(Code::corrupt, "the access family: " + *damage);
  const auto marked = Disk(log_.options).exists(log_.directory / kGuardedFile);
  if (!marked) return std::unexpected(marked.error());
  marked_ = *marked;
  if (marked_ && !assigned_.any()) {
    constexpr char kNone[] = "the log has had API keys (GUARDED), and there is no record of any";
    if (!loading.lenient) return fail(Code::corrupt, kNone);
    loading.loss += std::string(kNone) + ": make others before it is served; ";
    auto lost = lost_key(kLostName);
    repaired.put(Family::access, access_key(kLostName), encode(*lost));
    assigned_.put(std::move(lost));
  }
  if (!repaired.empty()) {
    if (auto ok = store.write(std::move(repaired)); !ok) return ok;
    if (auto ok = store.sync(); !ok) return ok;
  }
  durable_.store(std::make_shared<const ApiKeys>(assigned_));
  return assigned_.any() && log_.lock ? mark_guarded() : Status();
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
  // Where that fails the next opening tries again.
  if (auto ok = mark_guarded(); !ok && log_.options.on_warning) {
    log_.options.on_warning(ok.error().message);
  }
}

Status Access::mark_guarded() {
  if (marked_) return {};
  auto ok = Disk(log_.options).replace(log_.directory / kGuardedFile, kGuardedText);
  marked_ = ok.has_value();
  return ok;
}

}  // namespace strandline
