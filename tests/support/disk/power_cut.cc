#include "tests/support/disk/power_cut.h"

#include <fmt/format.h>

#include <algorithm>
#include <regex>

namespace strandline::tests {
namespace {

using Kind = DiskOp::Kind;

struct File {
  std::string durable;
  uint64_t synced_before = 0;          // operations before this one are durable
  std::vector<const DiskOp*> pending;  // writes and truncations, in order
};

void apply(std::string& bytes, const DiskOp& op, size_t count) {
  if (op.kind == Kind::truncate) {
    bytes.resize(op.at);
    return;
  }
  if (bytes.size() < op.at + count) bytes.resize(op.at + count);
  bytes.replace(op.at, count, op.bytes, 0, count);
}

void apply(std::string& bytes, const DiskOp& op) { apply(bytes, op, op.bytes.size()); }

// What of one file's unsynced end is there afterwards.
class Ending {
 public:
  Ending(const File& file, std::mt19937_64& random, PowerCut& cut)
      : file_(file), random_(random), cut_(cut), whole_(file.durable) {
    for (const DiskOp* op : file.pending) {
      apply(whole_, *op);
      truncates_ |= op->kind == Kind::truncate;
    }
  }

  std::string choose(std::string& told) {
    const uint64_t roll = random_() % 100;
    if (roll < 20) {
      told = "all kept";
      return whole_;
    }
    if (roll < 40) {
      told = "all dropped";
      return file_.durable;
    }
    if (roll < 60 || truncates_) return prefix(told);
    if (roll < 70) return some_writes(told);
    return some_pages(told);
  }
  const std::string& whole() const { return whole_; }

 private:
  uint64_t unit() {
    constexpr uint64_t kUnits[] = {1, 512, 512, 4096};
    return kUnits[random_() % 4];
  }

  std::string prefix(std::string& told) {
    uint64_t total = 0;
    for (const DiskOp* op : file_.pending) total += std::max<uint64_t>(op->bytes.size(), 1);
    uint64_t left = random_() % (total + 1);
    const uint64_t unit = this->unit();
    std::string bytes = file_.durable;
    for (const DiskOp* op : file_.pending) {
      const uint64_t size = std::max<uint64_t>(op->bytes.size(), 1);
      if (left >= size) {
        apply(bytes, *op);
        left -= size;
        continue;
      }
      const uint64_t end = (op->at + left) / unit * unit;
      if (op->kind == Kind::write && end > op->at) apply(bytes, *op, end - op->at);
      break;
    }
    told = fmt::format("a prefix kept, up to {}", bytes.size());
    return bytes;
  }

  std::string some_writes(std::string& told) {
    std::string bytes = file_.durable;
    size_t kept = 0;
    for (const DiskOp* op : file_.pending) {
      if (random_() % 2 == 0) continue;
      apply(bytes, *op);
      ++kept;
    }
    told = fmt::format("{} of {} writes kept", kept, file_.pending.size());
    return bytes;
  }

  std::string some_pages(std::string& told) {
    const uint64_t page = random_() % 2 == 0 ? 512 : 4096;
    const uint64_t kept_of_8 = 1 + random_() % 7;
    const bool grown = random_() % 2 == 0, garbage = random_() % 4 == 0;
    std::string bytes = file_.durable;
    uint64_t end = bytes.size(), pages = 0, kept = 0, foul = 0;
    bytes.resize(whole_.size());
    for (uint64_t at = 0; at < whole_.size(); at += page) {
      const uint64_t size = std::min(page, whole_.size() - at);
      if (!touched(at, at + size)) continue;
      ++pages;
      if (random_() % 8 < kept_of_8) {
        bytes.replace(at, size, whole_, at, size);
        end = std::max(end, at + size);
        ++kept;
      } else if (garbage && at >= file_.durable.size()) {
        for (uint64_t i = at; i < at + size; ++i) bytes[i] = static_cast<char>(random_());
        ++foul;
      }
    }
    if (!grown) bytes.resize(end);
    cut_.garbage |= foul > 0;
    told = fmt::format("{} of {} pages of {} kept, {} garbage, {} bytes", kept, pages, page, foul,
                       bytes.size());
    return bytes;
  }

  bool touched(uint64_t begin, uint64_t end) const {
    return std::ranges::any_of(file_.pending, [&](const DiskOp* op) {
      return op->at < end && op->at + op->bytes.size() > begin;
    });
  }

  const File& file_;
  std::mt19937_64& random_;
  PowerCut& cut_;
  std::string whole_;
  bool truncates_ = false;
};

// The names, and the changes to them that no fsync of their directory has covered.
class Names {
 public:
  explicit Names(const DiskImage& base) : directories_(base.directories) {
    uint64_t number = 0;
    for (const auto& [path, bytes] : base.files) files_[path] = ++number;
    directories_.insert("/");
  }

  void add(const DiskOp& op, size_t index) { pending_[parent_of(op.path)].push_back({&op, index}); }

  void sync(const std::string& directory, uint64_t before) {
    auto& changes = pending_[directory];
    const auto end = std::ranges::find_if(changes, [&](auto& c) { return c.second >= before; });
    for (auto at = changes.begin(); at != end; ++at) apply(*at->first);
    changes.erase(changes.begin(), end);
  }

  void crash(std::mt19937_64& random, std::string& story) {
    for (auto& [directory, changes] : pending_) {
      if (changes.empty()) continue;
      const uint64_t roll = random() % 10;
      const size_t first = random() % (changes.size() + 1);
      size_t kept = 0;
      for (size_t i = 0; i < changes.size(); ++i) {
        const bool keep =
            roll < 3 || (roll >= 6 && roll < 8 && i < first) || (roll >= 8 && random() % 2 == 0);
        if (keep) apply(*changes[i].first);
        kept += keep ? 1 : 0;
        if (!keep) story += "lost: " + describe(*changes[i].first) + "\n";
      }
      story += fmt::format("{}: {} of {} entries kept\n", directory, kept, changes.size());
    }
  }

  const std::map<std::string, uint64_t>& files() const { return files_; }
  const std::set<std::string>& directories() const { return directories_; }

 private:
  void apply(const DiskOp& op) {
    switch (op.kind) {
      case Kind::create:
        files_[op.path] = op.file;
        break;
      case Kind::rename:
        files_.erase(op.path);
        files_[op.bytes] = op.file;
        break;
      case Kind::link:
        files_[op.bytes] = op.file;
        break;
      case Kind::unlink:
        files_.erase(op.path);
        break;
      case Kind::make_directory:
        directories_.insert(op.path);
        break;
      case Kind::remove_directory:
        directories_.erase(op.path);
        break;
      default:
        break;
    }
  }

  std::map<std::string, uint64_t> files_;
  std::set<std::string> directories_;
  std::map<std::string, std::vector<std::pair<const DiskOp*, size_t>>> pending_;
};

}  // namespace

bool PowerCut::excuses(const std::string& refusal) const {
  static const std::regex kPlace("(/disk/[^ :;,]+): (damaged at byte|dropping) [0-9]+");
  for (std::sregex_iterator at(refusal.begin(), refusal.end(), kPlace), end; at != end; ++at) {
    const std::string file = (*at)[1];
    if (!torn.contains(file)) continue;
    const bool list = file.find("/MANIFEST-") != std::string::npos;
    if (garbage || (list && torn.contains(file + ".copy"))) return true;
  }
  return false;
}

PowerCut cut_power(const Recording& recording, size_t instant, std::mt19937_64& random) {
  PowerCut cut;
  std::map<uint64_t, File> files;
  for (const auto& [path, bytes] : recording.base.files) files[files.size() + 1].durable = bytes;
  Names names(recording.base);
  for (size_t i = 0; i < instant; ++i) {
    const DiskOp& op = recording.ops[i];
    if (op.kind == Kind::sync) files[op.file].synced_before = op.at;
  }
  for (size_t i = 0; i < instant; ++i) {
    const DiskOp& op = recording.ops[i];
    switch (op.kind) {
      case Kind::write:
      case Kind::truncate: {
        File& file = files[op.file];
        i < file.synced_before ? apply(file.durable, op) : file.pending.push_back(&op);
        break;
      }
      case Kind::sync:
      case Kind::range_sync:
      case Kind::note:
        break;
      case Kind::sync_directory:
        names.sync(op.path, op.at);
        break;
      default:
        names.add(op, i);
    }
  }
  names.crash(random, cut.story);
  const auto is_there = [&](std::string path) {
    for (; path != "/"; path = parent_of(path)) {
      if (!names.directories().contains(path)) return false;
    }
    return true;
  };
  for (const std::string& path : names.directories()) {
    if (is_there(path)) cut.image.directories.insert(path);
  }
  for (const auto& [path, number] : names.files()) {
    if (!is_there(parent_of(path))) continue;
    const File& file = files[number];
    std::string& bytes = cut.image.files[path];
    if (file.pending.empty()) {
      bytes = file.durable;
      continue;
    }
    std::string told;
    Ending ending(file, random, cut);
    bytes = ending.choose(told);
    if (bytes != ending.whole()) cut.torn.insert(path);
    cut.story += fmt::format("{}: {} bytes were durable; {}\n", path, file.durable.size(), told);
  }
  return cut;
}

}  // namespace strandline::tests
