#include "engine/repair/damaged_tables.h"

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/metadata.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/utilities/ldb_cmd.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <set>

#include "engine/disk/access.h"
#include "engine/format/keys.h"
#include "engine/repair/record_salvage.h"
#include "engine/state/rebuild.h"
#include "engine/store/salvage.h"
#include "engine/store/table_check.h"

namespace strandline {
namespace {

namespace fs = std::filesystem;

fs::path aside(const fs::path& directory) { return directory.parent_path() / "damaged"; }

// Of a table file of the events family; the suffix keeps RocksDB's eyes, and ours, off it once it
// is done with.
constexpr std::string_view kEventsSuffix = ".events";
constexpr std::string_view kRecordsSuffix = ".records";
constexpr std::string_view kDoneSuffix = ".done";
// Is there from before a table is taken out until its contents are back.
constexpr std::string_view kRepairing = "REPAIRING";

SegmentId oldest_segment(const Store& store) {
  StoreIterator it = store.iterate(Family::segments);
  it.seek_to_first();
  const bool there =
      it.valid() && it.key().size() == 9 && it.key()[0] == static_cast<char>(KeyKind::segment);
  return SegmentId(there ? get_be64(it.key(), 1) : 0);
}

// Every batch of the table that is whole and not dropped.
Result<uint64_t> put_back(const fs::path& table, Store& store, SegmentId first_live) {
  constexpr size_t kGroupBytes = 4 << 20;
  auto salvage = Salvage::of(table);
  if (!salvage) return std::unexpected(std::move(salvage.error()));
  uint64_t batches = 0, unflushed = 0;
  const auto flush = [&]() -> Status {
    auto ok = store.flush(first_live);
    if (ok) unflushed = 0;
    return !ok && ok.error().code == Code::busy ? Status() : ok;  // with the next group, then
  };
  for (size_t i = 0; i < (*salvage)->count();) {
    Changes changes = store.changes();
    for (; i < (*salvage)->count() && changes.bytes() < kGroupBytes; ++i) {
      const auto found = (*salvage)->at(i);
      if (!found || segment_of(found->key.stripe) < first_live) continue;
      changes.put(Family::events, encode(found->key), found->value);
      ++batches;
    }
    unflushed += changes.bytes();
    auto ok = store.write(std::move(changes));
    if (ok && unflushed >= kFlushBytes) ok = flush();
    if (!ok) return std::unexpected(ok.error());
  }
  if (auto ok = flush(); !ok) return std::unexpected(ok.error());
  return batches;
}

Status make_durable(const fs::path& file, std::string_view bytes) {
  rocksdb::FileSystem& files = *rocksdb::FileSystem::Default();
  const auto status = rocksdb::WriteStringToFile(&files, rocksdb::Slice(bytes.data(), bytes.size()),
                                                 file.string(), true);
  std::unique_ptr<rocksdb::FSDirectory> entries;
  if (status.ok() && files.NewDirectory(file.parent_path().string(), {}, &entries, nullptr).ok() &&
      entries->Fsync({}, nullptr).ok()) {
    return {};
  }
  return fail(Code::io, file.string() + ": " + status.ToString());
}

std::string told(const rocksdb::LiveFileMetaData& table) {
  EventKey low, high;
  if (table.column_family_name != "events" || !decode(table.smallestkey, low) ||
      !decode(table.largestkey, high)) {
    return fmt::format("records of the {} family", table.column_family_name);
  }
  const SegmentId from = segment_of(low.stripe), to = segment_of(high.stripe);
  const std::string segments = from == to ? fmt::format("segment {}", from.value)
                                          : fmt::format("segments {} to {}", from.value, to.value);
  return fmt::format("{} batches of {}, streams {} to {}", table.num_entries, segments,
                     low.stream.value, high.stream.value);
}

}  // namespace

Result<std::vector<DamagedTable>> find_damaged_tables(const fs::path& directory,
                                                      const rocksdb::DBOptions& options,
                                                      const Descriptors& families,
                                                      const StoreContents& contents,
                                                      bool every_block) {
  std::vector<DamagedTable> damaged;
  std::set<std::string> listed;
  for (const auto& table : contents.tables) {
    const auto family = std::ranges::find(families, table.column_family_name,
                                          &rocksdb::ColumnFamilyDescriptor::name);
    if (family == families.end()) continue;
    const std::string name = fs::path(table.name).filename().string();
    uint64_t bytes = 0;
    std::string why;
    const rocksdb::Status sized = options.env->GetFileSize((directory / name).string(), &bytes);
    if (!sized.ok()) {
      why = sized.IsPathNotFound() ? "it is missing" : sized.ToString();
    } else if (bytes != table.size) {
      why = fmt::format("it has {} bytes, and had {}", bytes, table.size);
    } else {
      why = wrong_in(directory / name, rocksdb::Options(options, family->options), every_block);
      // Gone: its owner has compacted it since this observer took its snapshot.
      std::unique_ptr<rocksdb::RandomAccessFile> file;
      if (!why.empty() && options.env->NewRandomAccessFile((directory / name).string(), &file, {})
                              .IsPathNotFound()) {
        why.clear();
      }
    }
    if (const auto withheld = withheld_in(why)) {
      return std::unexpected(inaccessible(why, *withheld));
    }
    if (!why.empty()) damaged.push_back({name, table.column_family_name, told(table), why});
    listed.insert(name);
  }
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    if (!every_block || entry.path().extension() != ".sst" || listed.contains(name)) continue;
    rocksdb::SstFileReader reader{alone({options, families.front().options})};
    const rocksdb::Status opens = reader.Open(entry.path().string());
    if (const auto withheld = withheld_in(opens.ToString())) {
      return std::unexpected(inaccessible(opens.ToString(), *withheld));
    }
    const auto properties = opens.ok() ? reader.GetTableProperties() : nullptr;
    const std::string family = properties ? properties->column_family_name : "events";
    damaged.push_back({name, family, "what it holds is not known", "the MANIFEST does not list it",
                       /*listed=*/false});
  }
  return damaged;
}

Status keep_aside(const fs::path& directory, const std::string& name, Aside held,
                  std::string_view bytes) {
  std::error_code error;
  fs::create_directories(aside(directory), error);
  if (error) return fail(Code::io, aside(directory).string() + ": " + error.message());
  const auto suffix = held == Aside::events ? kEventsSuffix : kRecordsSuffix;
  return make_durable(aside(directory) / (name + std::string(suffix)), bytes);
}

Status begin_repair(const fs::path& directory) {
  return make_durable(aside(directory) / kRepairing, "");
}

Status take_out(const fs::path& directory, const rocksdb::DBOptions& options,
                const Descriptors& families, const std::vector<DamagedTable>& tables) {
  std::error_code error;
  // All are copied before one is removed: with that begins a new MANIFEST, which the head mark does
  // not know, and RocksDB would delete what it does not list.
  for (const DamagedTable& table : tables) {
    const Aside held = table.family == "events" ? Aside::events : Aside::records;
    std::unique_ptr<rocksdb::SequentialFile> opens;
    const auto opened =
        options.env->NewSequentialFile((directory / table.file).string(), &opens, {});
    if (const auto withheld = withheld_in(opened.ToString())) {
      return std::unexpected(inaccessible(opened.ToString(), *withheld));
    }
    std::ifstream in(directory / table.file, std::ios::binary);
    const auto size = fs::file_size(directory / table.file, error);
    std::string bytes(error ? 0 : size, '\0');  // nothing, if it is missing
    in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(static_cast<size_t>(std::max<std::streamsize>(in.gcount(), 0)));
    if (auto ok = keep_aside(directory, table.file, held, bytes); !ok) return ok;
  }
  if (tables.empty()) return {};
  if (auto ok = begin_repair(directory); !ok) return ok;
  for (const DamagedTable& table : tables) {
    if (!table.listed) continue;
    const std::string number = table.file.substr(0, table.file.find('.'));
    rocksdb::Options ldb_options(options, rocksdb::ColumnFamilyOptions());
    const std::unique_ptr<rocksdb::LDBCommand> command(rocksdb::LDBCommand::InitFromCmdLineArgs(
        {"--db=" + directory.string(), "--try_load_options=false", "unsafe_remove_sst_file",
         number},
        ldb_options, rocksdb::LDBOptions(), &families));
    if (!command) return fail(Code::io, "RocksDB cannot remove a table");
    command->Run();
    if (auto done = command->GetExecuteState(); !done.IsSucceed()) {
      return fail(Code::corrupt, fmt::format("taking out {}: {}", table.file, done.ToString()));
    }
    fs::remove(directory / table.file, error);
  }
  return {};
}

bool is_repairing(const fs::path& directory) {
  std::error_code none;
  return fs::exists(aside(directory) / kRepairing, none);
}

Result<uint64_t> repair(const fs::path& directory, Store& store, const StateParts& parts) {
  std::error_code error;
  std::vector<fs::path> events, records;
  for (const auto& entry : fs::directory_iterator(aside(directory), error)) {
    if (entry.path().extension() == kEventsSuffix) events.push_back(entry.path());
    if (entry.path().extension() == kRecordsSuffix) records.push_back(entry.path());
  }
  if (error) return fail(Code::io, aside(directory).string() + ": " + error.message());
  // Which segments were dropped the records say: without some of them, none is taken for dropped.
  const SegmentId first_live = records.empty() ? oldest_segment(store) : SegmentId(0);
  uint64_t batches = 0;
  for (const fs::path& table : events) {
    auto put = put_back(table, store, first_live);
    if (!put) return put;
    batches += *put;
  }
  for (const fs::path& file : records) {
    if (file.stem().extension() != ".sst") continue;
    if (auto ok = put_back_records(file, store); !ok) return std::unexpected(std::move(ok.error()));
  }
  if (!records.empty()) {
    if (auto ok = rebuild_records(store, parts); !ok) return std::unexpected(std::move(ok.error()));
  }
  if (auto ok = store.sync(); !ok) return std::unexpected(std::move(ok.error()));
  return batches;
}

void finish_repair(const fs::path& directory) {
  std::error_code error;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(aside(directory), error)) {
    const fs::path& file = entry.path();
    if (!entry.is_regular_file(error)) continue;
    if (file.extension() == kEventsSuffix || file.extension() == kRecordsSuffix) {
      files.push_back(file);
    }
  }
  for (const fs::path& file : files) {
    fs::rename(file, file.string() + std::string(kDoneSuffix), error);
  }
  fs::remove(aside(directory) / kRepairing, error);
}

}  // namespace strandline
