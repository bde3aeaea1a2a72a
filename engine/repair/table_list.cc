#include "engine/repair/table_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>

#include "engine/store/store_file_system.h"
#include "engine/store/wal_records.h"

namespace strandline {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kManifest = "MANIFEST-";

// The names of all that are there, whole or not, themselves or as a copy.
Result<std::set<std::string>> manifests(const Disk& disk, const fs::path& directory) {
  auto names = disk.list(directory);
  if (!names) return std::unexpected(std::move(names.error()));
  std::set<std::string> found;
  for (std::string_view name : *names) {
    if (name.ends_with(kCopySuffix)) name.remove_suffix(kCopySuffix.size());
    if (name.starts_with(kManifest)) found.emplace(name);
  }
  return found;
}

Result<std::optional<std::string>> read_if_there(const Disk& disk, const fs::path& file) {
  auto there = disk.exists(file);
  if (!there) return std::unexpected(std::move(there.error()));
  if (!*there) return std::nullopt;
  auto bytes = disk.read(file);
  if (!bytes) return std::unexpected(std::move(bytes.error()));
  return std::move(*bytes);
}

class TableList {
 public:
  TableList(const Disk& disk, const fs::path& directory, ListEnd marked, bool accept_loss)
      : disk_(disk), directory_(directory), marked_(marked), accept_loss_(accept_loss) {}

  Result<std::vector<std::string>> repair() {
    if (auto ok = find_name(); !ok) return std::unexpected(std::move(ok.error()));
    if (auto ok = repair_manifest(); !ok) return std::unexpected(std::move(ok.error()));
    return std::move(told_);
  }

 private:
  // What CURRENT names.
  Status find_name() {
    const fs::path current = directory_ / "CURRENT";
    auto there = manifests(disk_, directory_);
    if (!there) return std::unexpected(std::move(there.error()));
    auto named = read_if_there(disk_, current);
    if (!named) return std::unexpected(std::move(named.error()));
    if (*named && (*named)->ends_with('\n') &&
        there->contains((*named)->substr(0, (*named)->size() - 1))) {
      name_ = (*named)->substr(0, (*named)->size() - 1);
      return {};
    }
    const std::string wrong = fmt::format(
        "{} {}", current.string(), *named ? "names no MANIFEST that is there" : "is missing");
    if (!accept_loss_ || there->empty()) {
      return fail(Code::corrupt, wrong + ": which tables are the log's cannot be known without it");
    }
    // Their numbers are padded with zeros.
    name_ = *there->rbegin();
    told_.push_back(fmt::format("{}; {} is the newest", wrong, name_));
    return disk_.replace(current, name_ + "\n");
  }

  struct Merged {
    std::string bytes;
    std::optional<size_t> taken;  // where the copy was first needed
  };
  static Merged merge(std::string_view file, std::string_view copy) {
    const bool is_whole = !file.empty() && whole_records(file) == file.size();
    if (is_whole && !copy.starts_with(file)) return {std::string(file), {}};
    if (!is_whole && !copy.empty() && whole_records(copy) == copy.size()) {
      const size_t differs = std::ranges::mismatch(file, copy).in1 - file.begin();
      return {std::string(copy), differs};
    }
    return merge_records(file, copy);
  }
  // The longest run of whole records from the beginning, each from where it is whole. Where a page
  // is out of its place both may have one, and only one of them leads further.
  static Merged merge_records(std::string_view file, std::string_view copy) {
    struct Step {
      size_t from;
      std::string_view source;
    };
    std::map<size_t, Step> reached = {{0, {0, {}}}};
    for (auto at = reached.begin(); at != reached.end(); ++at) {
      for (const std::string_view source : {file, copy}) {
        const auto record = record_at(source, at->first);
        if (record) reached.try_emplace(past_trailer(source, record->end), at->first, source);
      }
    }
    Merged merged;
    merged.bytes.resize(reached.rbegin()->first);
    for (size_t at = merged.bytes.size(); at > 0;) {
      const Step& step = reached.at(at);
      merged.bytes.replace(step.from, at - step.from,
                           step.source.substr(step.from, at - step.from));
      if (step.source.data() == copy.data()) merged.taken = step.from;
      at = step.from;
    }
    return merged;
  }

  // What a power cut may leave of the same writes to both: each byte, or a zero.
  static bool may_be_of_one(std::string_view file, std::string_view copy) {
    const auto same = [](char one, char other) { return one == other || one == 0 || other == 0; };
    const size_t both = std::min(file.size(), copy.size());
    return std::ranges::equal(file.substr(0, both), copy.substr(0, both), same);
  }

  uint64_t number() const { return std::strtoull(name_.c_str() + kManifest.size(), nullptr, 10); }
  // Before what the head mark says was durable.
  bool ends_early(size_t end) const { return ListEnd{number(), end} < marked_; }
  // Nothing has been changed by then.
  Status compare_with_head_mark(size_t end) {
    if (!ends_early(end)) return {};
    const std::string head = (directory_.parent_path() / "HEAD").string();
    const std::string wrong =
        (directory_ / name_).string() +
        (number() < marked_.manifest
             ? fmt::format(" is older than MANIFEST-{:06}, which CURRENT named", marked_.manifest)
             : fmt::format(
                   ": whole up to byte {}, and its copy leads no further; both had {} bytes", end,
                   marked_.bytes)) +
        fmt::format(" when {} was written", head);
    if (!accept_loss_) {
      return fail(Code::corrupt, wrong + ": tables that it does not name would be lost");
    }
    told_.push_back(wrong);
    return {};
  }

  Status repair_manifest() {
    const fs::path file = directory_ / name_;
    auto own = read_if_there(disk_, file);
    if (!own) return std::unexpected(std::move(own.error()));
    auto copy = read_if_there(disk_, file.string() + std::string(kCopySuffix));
    if (!copy) return std::unexpected(std::move(copy.error()));
    if (!*copy) {  // of a build that made none: RocksDB says what it thinks of it
      return *own ? compare_with_head_mark(whole_records(**own)) : Status();
    }
    const std::string_view first = *own ? std::string_view(**own) : std::string_view();
    const std::string_view second = **copy;
    Merged both = merge(first, second);
    if (ends_early(both.bytes.size())) both = merge_records(first, second);
    const auto& [merged, taken] = both;
    if (!taken && !merged.empty() && first.size() == merged.size()) {
      return compare_with_head_mark(merged.size());
    }
    // The copy is written after the file: where it ends, whole, all that was fsynced ends.
    const size_t end = merged.size();
    const bool whole = second.size() == end || first.size() == end;
    // And where both are torn, neither was.
    const bool torn = !whole && *own && is_torn(first, end) && is_torn(second, end) &&
                      may_be_of_one(first.substr(std::min(end, first.size())),
                                    second.substr(std::min(end, second.size())));
    // CURRENT named it when its first records were durable. With nothing there is nothing to open,
    // and what stands there is evidence.
    if (end == 0 || (!whole && !torn && !accept_loss_)) {
      return fail(Code::corrupt,
                  fmt::format("{}: damaged at byte {}, and so is its copy", file.string(), end));
    }
    if (auto ok = compare_with_head_mark(end); !ok) return ok;
    const std::string_view how = whole ? "repaired from its copy"
                                 : torn
                                     ? "so is its copy, as a power cut leaves what was not fsynced"
                                     : "so is its copy: repaired as far as it is whole";
    told_.push_back(fmt::format("{}: {} at byte {}, and {}", file.string(),
                                *own ? "damaged" : "missing", taken.value_or(end), how));
    return disk_.replace(file, merged);
  }

  const Disk& disk_;
  const fs::path& directory_;
  const ListEnd marked_;
  const bool accept_loss_;
  std::string name_;
  std::vector<std::string> told_;
};

}  // namespace

Result<std::vector<std::string>> repair_table_list(const Disk& disk,
                                                   const fs::path& store_directory, ListEnd marked,
                                                   bool accept_loss) {
  return TableList(disk, store_directory, marked, accept_loss).repair();
}

}  // namespace strandline
