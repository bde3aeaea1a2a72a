#include "engine/repair/record_salvage.h"

#include <rocksdb/env.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "engine/format/consumer_record.h"
#include "engine/format/keys.h"
#include "engine/format/stripe_record.h"
#include "engine/store/store_file_system.h"

namespace strandline {
namespace {

constexpr std::array<std::pair<const char*, Family>, 5> kRecordFamilies = {
    {{"streams", Family::streams},
     {"segments", Family::segments},
     {"consumers", Family::consumers},
     {"producers", Family::producers},
     {"access", Family::access}}};

// A key some way behind: its first nine bytes, a kind and a number, as one number. Nothing if there
// is none.
std::optional<std::string> further(std::string key, uint64_t step) {
  constexpr size_t kBytes = 9;
  key.resize(kBytes, '\0');
  for (size_t i = kBytes; i-- > 0 && step > 0;) {
    step += static_cast<uint8_t>(key[i]);
    key[i] = static_cast<char>(step & 0xFF);
    step >>= 8;
  }
  return step > 0 ? std::nullopt : std::optional(std::move(key));
}

// What is kept of two records under one key, where it is not the one that is there.
std::optional<std::string> merged(Family family, std::string_view key, std::string_view there,
                                  std::string_view found) {
  const auto further = [&](const auto& old_place, const auto& place) {
    return place > old_place ? std::optional(std::string(found)) : std::nullopt;
  };
  const auto is = [&](auto kind) { return key.starts_with(static_cast<char>(kind)); };
  StateRecord old_state, state;
  if (family == Family::streams && decode(there, old_state) && decode(found, state)) {
    return further(std::pair(old_state.next, old_state.start), std::pair(state.next, state.start));
  }
  StripeRecord old_stripe, stripe;
  if (family == Family::segments && is(KeyKind::stripe) && decode(there, old_stripe) &&
      decode(found, stripe)) {
    return further(old_stripe.next, stripe.next);
  }
  if (family == Family::producers && (is(KeyKind::answer) || is(KeyKind::mark))) {
    constexpr size_t kExpiryBytes = sizeof(int64_t);
    if (there.size() < kExpiryBytes || found.size() < kExpiryBytes) return std::nullopt;
    return further(get_le<int64_t>(there, 0), get_le<int64_t>(found, 0));
  }
  ProducerHead old_head, head;
  if (family == Family::producers && is(KeyKind::head) && decode(there, old_head) &&
      decode(found, head)) {
    return further(std::pair(old_head.epoch, old_head.next), std::pair(head.epoch, head.next));
  }
  if (family != Family::consumers) return std::nullopt;
  ConsumerState old_consumer, consumer;
  if (is(ConsumerKey::state) && decode(there, old_consumer) && decode(found, consumer)) {
    // What it has been given since, it is given again: which of that is unacked is not known.
    // But no member that was fenced comes back.
    const ConsumerState both{std::max(old_consumer.epoch, consumer.epoch),
                             std::max(old_consumer.fence, consumer.fence), old_consumer.next};
    const std::string record = encode(both);
    return record == there ? std::nullopt : std::optional(record);
  }
  if (key == consumer_key("") && there.size() == found.size()) {
    return further(there, found);  // the epochs that were given, big-endian
  }
  PositionRecord old_position, position;
  const bool is_position = !key.empty() && static_cast<uint8_t>(key[0]) >= ' ';
  if (is_position && decode(there, old_position) && decode(found, position)) {
    return further(old_position.next, position.next);
  }
  return std::nullopt;
}

}  // namespace

Status put_back_records(const std::filesystem::path& table, Store& store) {
  // Not unchecked either.
  const auto env = rocksdb::NewCompositeEnv(store_file_system(
      rocksdb::FileSystem::Default(), std::make_shared<WalGate>(), std::make_shared<ListWatch>()));
  rocksdb::Options options;
  options.env = env.get();
  rocksdb::SstFileReader reader{options};
  if (!reader.Open(table.string()).ok() || !reader.GetTableProperties()) return {};
  const std::string name = reader.GetTableProperties()->column_family_name;
  const auto known =
      std::ranges::find(kRecordFamilies, name, [](const auto& f) { return f.first; });
  if (known == kRecordFamilies.end()) return {};
  const Family family = known->second;
  Changes changes = store.changes();
  const std::unique_ptr<rocksdb::Iterator> it(reader.NewIterator(rocksdb::ReadOptions()));
  it->SeekToFirst();
  std::string last;
  uint64_t step = 1;
  while (true) {
    for (; it->Valid(); it->Next()) {
      last = it->key().ToString();
      step = 1;
      const std::string value = it->value().ToString();
      auto there = store.get(family, last);
      if (!there) return std::unexpected(std::move(there.error()));
      const auto kept = *there ? merged(family, last, **there, value) : std::optional(value);
      if (kept) changes.put(family, last, *kept);
    }
    if (it->status().ok()) break;
    // Over the bad block: further and further on, until a seek lands behind it.
    const auto next = further(last, step);
    if (!next || step > UINT64_MAX / 2) break;
    step *= 2;
    it->Seek(*next);
  }
  return store.write(std::move(changes));
}

}  // namespace strandline
