#include "engine/store/purge.h"

#include <rocksdb/env.h>
#include <rocksdb/metadata.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <set>
#include <thread>

#include "engine/store/store_error.h"

namespace strandline {
namespace {

// How long another compaction, a flush or a reader may take, before it is looked at again.
constexpr auto kPoll = std::chrono::milliseconds(5);
constexpr auto kWalPatience = std::chrono::seconds(1);

struct Covering {
  std::set<std::string> names;
  int level_to = 1;

  void add(const std::string& name, int level) {
    names.insert(name);
    level_to = std::max(level_to, level);
  }
};

// The files that may hold a key that begins with the byte, and which another may hold, too: one of
// them may have it removed, so that nobody is shown it.
void add_covering_kind(const rocksdb::ColumnFamilyMetaData& tables, const std::string& kind,
                       Covering& found) {
  const std::string after(1, static_cast<char>(kind.front() + 1));
  struct File {
    std::string smallest, largest, name;
    int level;
  };
  std::vector<File> files;
  for (const rocksdb::LevelMetaData& level : tables.levels) {
    for (const rocksdb::SstFileMetaData& file : level.files) {
      if (file.largestkey < kind || file.smallestkey >= after) continue;
      files.push_back({std::max(file.smallestkey, kind), std::min(file.largestkey, after),
                       file.name, level.level});
    }
  }
  std::ranges::sort(files, {}, &File::smallest);
  // Each with those before that reach into it: the one that reaches furthest is enough to ask.
  const File* furthest = nullptr;
  for (const File& file : files) {
    if (furthest && furthest->largest >= file.smallest) {
      found.add(furthest->name, furthest->level);
      found.add(file.name, file.level);
    }
    if (!furthest || furthest->largest < file.largest) furthest = &file;
  }
}

// The files that may hold a key which another may hold, too.
Covering covering(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family,
                  const std::vector<std::string>& keys) {
  rocksdb::ColumnFamilyMetaData tables;
  db.GetColumnFamilyMetaData(family, &tables);
  struct File {
    std::string name;
    int level;
    size_t first, next;  // of the keys, [first, next)
  };
  std::vector<File> files;
  std::vector<int> changes(keys.size() + 1, 0);  // of how many files may hold a key
  for (const rocksdb::LevelMetaData& level : tables.levels) {
    for (const rocksdb::SstFileMetaData& file : level.files) {
      const auto first = std::ranges::lower_bound(keys, file.smallestkey);
      const auto next = std::ranges::upper_bound(keys, file.largestkey);
      if (first >= next) continue;
      files.push_back({file.name, level.level, static_cast<size_t>(first - keys.begin()),
                       static_cast<size_t>(next - keys.begin())});
      ++changes[files.back().first];
      --changes[files.back().next];
    }
  }
  std::vector<size_t> in_several{0};  // keys before the i-th that several files may hold
  for (int i = 0, held = 0; i < static_cast<int>(keys.size()); ++i) {
    held += changes[static_cast<size_t>(i)];
    in_several.push_back(in_several.back() + (held > 1));
  }
  Covering found;
  for (const File& file : files) {
    if (in_several[file.next] == in_several[file.first]) continue;
    found.add(file.name, file.level);
  }
  for (const std::string& key : keys) {
    if (key.size() == 1) add_covering_kind(tables, key, found);
  }
  return found;
}

std::set<std::string> live_tables(rocksdb::DB& db) {
  std::vector<rocksdb::LiveFileMetaData> live;
  db.GetLiveFilesMetaData(&live);
  std::set<std::string> names;
  for (const auto& table : live) names.insert(table.name.substr(table.name.rfind('/') + 1));
  return names;
}

}  // namespace

Status Purge::pause() const {
  if (!go_on_()) return fail(Code::closed, "the log is closing");
  std::this_thread::sleep_for(kPoll);
  return {};
}

Status Purge::await_wals_below(uint64_t number) {
  // RocksDB may keep a WAL for a family that had nothing to flush, until the flush after.
  const auto until = std::chrono::steady_clock::now() + kWalPatience;
  while (true) {
    // RocksDB's own list of WALs ends the process by an assertion where the file system fails.
    std::vector<std::string> names;
    const rocksdb::Status status = db_.GetEnv()->GetChildren(db_.GetName(), &names);
    const auto is_older = [&](const std::string& name) {
      return name.ends_with(".log") && std::strtoull(name.c_str(), nullptr, 10) < number;
    };
    if (status.ok() && std::ranges::none_of(names, is_older)) return {};
    if (std::chrono::steady_clock::now() >= until) {
      return fail(Code::busy, "WALs from before the last flush are still there");
    }
    if (auto ok = pause(); !ok) return ok;
  }
}

Status Purge::compact(rocksdb::ColumnFamilyHandle* family, const std::vector<std::string>& keys) {
  while (true) {
    const Covering found = covering(db_, family, keys);
    if (found.names.empty()) return {};
    rocksdb::CompactionOptions compaction;
    compaction.compression = rocksdb::kDisableCompressionOption;  // as the family's
    compaction.output_file_size_limit = db_.GetOptions(family).target_file_size_base;
    const rocksdb::Status status = db_.CompactFiles(
        compaction, family, {found.names.begin(), found.names.end()}, found.level_to);
    if (status.ok()) return {};
    // Another compaction has some of them, or had them a moment ago.
    if (!status.IsAborted() && !status.IsInvalidArgument() && !status.IsBusy()) {
      return std::unexpected(error_of(status, "compacting what held erased bytes"));
    }
    if (auto ok = pause(); !ok) return ok;
  }
}

Status Purge::await_files() {
  std::vector<std::string> there;
  const rocksdb::Status listed = db_.GetEnv()->GetChildren(db_.GetName(), &there);
  if (!listed.ok()) return std::unexpected(error_of(listed, "listing the store's files"));
  std::erase_if(there, [](const std::string& name) { return !name.ends_with(".sst"); });
  while (true) {
    const std::set<std::string> live = live_tables(db_);
    // What a compaction under way writes is in a list soon, or gone.
    std::erase_if(there, [&](const std::string& name) {
      return live.contains(name) || !db_.GetEnv()->FileExists(db_.GetName() + "/" + name).ok();
    });
    if (there.empty()) return {};
    if (auto ok = pause(); !ok) return ok;
  }
}

}  // namespace strandline
