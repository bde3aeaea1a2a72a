#include "engine/record_salvage.h"

#include <rocksdb/env.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "engine/keys.h"
#include "engine/store_file_system.h"

namespace strandline {
namespace {

constexpr std::array<std::pair<const char*, Family>, 4> kRecordFamilies = {
    {{"streams", Family::streams},
     {"segments", Family::segments},
     {"consumers", Family::consumers},
     {"producers", Family::producers}}};

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

bool is_further(Family family, std::string_view there, std::string_view found) {
  PositionRecord old_position, position;
  if (family == Family::consumers && decode(there, old_position) && decode(found, position)) {
    return position.next > old_position.next;
  }
  StateRecord old_state, state;
  return family == Family::streams && decode(there, old_state) && decode(found, state) &&
         std::pair(state.next, state.start) > std::pair(old_state.next, old_state.start);
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
      if (!*there || is_further(family, **there, value)) changes.put(family, last, value);
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
