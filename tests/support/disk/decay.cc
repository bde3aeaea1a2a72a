#include "tests/support/disk/decay.h"

#include <algorithm>
#include <vector>

#include "tests/support/log/directory.h"

namespace strandline::tests {

namespace fs = std::filesystem;

namespace {

std::optional<Decay::File> class_of(const fs::path& file) {
  const std::string name = file.filename().string();
  if (name.ends_with(".log")) return Decay::File::wal;
  if (name.ends_with(".sst")) return Decay::File::table;
  if (name.starts_with("MANIFEST-")) return Decay::File::manifest;
  if (name == "CURRENT") return Decay::File::current;
  if (name == "HEAD") return Decay::File::head;
  if (name == "FORMAT") return Decay::File::format;
  return std::nullopt;  // locks and chatter hold nothing
}

// Relative to the directory; of one class, and with something in them.
std::vector<fs::path> files_of(const fs::path& directory, Decay::File wanted) {
  std::vector<fs::path> files;
  for (const fs::path& file : files_below(directory)) {
    if (class_of(file) == wanted && fs::file_size(file) > 0) {
      files.push_back(fs::relative(file, directory));
    }
  }
  return files;
}

class Draw {
 public:
  explicit Draw(std::mt19937_64& random) : random_(random) {}
  uint64_t below(uint64_t n) { return random_() % n; }
  bool one_in(uint64_t n) { return below(n) == 0; }

  Decay::File file() {
    // As often as they are worth it: most of a log is tables and WAL.
    static constexpr std::pair<Decay::File, uint64_t> kWeights[] = {
        {Decay::File::table, 48}, {Decay::File::wal, 20},    {Decay::File::manifest, 14},
        {Decay::File::head, 8},   {Decay::File::current, 6}, {Decay::File::format, 4}};
    uint64_t left = below(100);
    for (const auto& [file, weight] : kWeights) {
      if (left < weight) return file;
      left -= weight;
    }
    return Decay::File::table;
  }

  Decay::Kind kind() {
    static constexpr Decay::Kind kKinds[] = {
        Decay::Kind::one_bit,    Decay::Kind::one_bit,      Decay::Kind::one_bit,
        Decay::Kind::some_bits,  Decay::Kind::zeroed_page,  Decay::Kind::swapped_page,
        Decay::Kind::stale_page, Decay::Kind::truncated,    Decay::Kind::truncated,
        Decay::Kind::stale_file, Decay::Kind::missing_file,
    };
    return kKinds[below(std::size(kKinds))];
  }

  // A place in a file: anywhere, or often near its end, where a table has what the rest hangs on.
  uint64_t place(uint64_t bytes) {
    constexpr uint64_t kEnd = 1500;
    return one_in(2) && bytes > kEnd ? bytes - 1 - below(kEnd) : below(bytes);
  }

 private:
  std::mt19937_64& random_;
};

std::string read_or_nothing(const fs::path& file) {
  std::error_code error;
  return fs::is_regular_file(file, error) ? read_file(file) : std::string();
}

}  // namespace

const char* name_of(Decay::Kind kind) {
  static constexpr const char* kNames[] = {"one bit",      "some bits",   "zeroed page",
                                           "swapped page", "stale page",  "truncated",
                                           "stale file",   "missing file"};
  return kNames[static_cast<size_t>(kind)];
}

const char* name_of(Decay::File file) {
  static constexpr const char* kNames[] = {"WAL", "table", "MANIFEST", "CURRENT", "HEAD", "FORMAT"};
  return kNames[static_cast<size_t>(file)];
}

std::string Decay::told() const {
  std::string text = std::string(name_of(kind)) + ", " + name + " at byte " + std::to_string(at);
  return other.empty() ? text : text + ", with " + other;
}

std::optional<Decay> decay(const fs::path& directory, const fs::path& earlier, const fs::path& to,
                           std::mt19937_64& random) {
  Draw draw(random);
  Decay done{.kind = draw.kind(), .file = draw.file(), .name = {}, .other = {}};
  const auto files = files_of(directory, done.file);
  if (files.empty()) return std::nullopt;
  const fs::path file = files[draw.below(files.size())];
  done.name = file.filename().string();
  const std::string before = read_file(directory / file);
  std::string bytes = before;
  const uint64_t page = draw.one_in(2) ? 512 : 4096;
  const auto page_at = [&](uint64_t size) { return draw.place(size) / page * page; };
  switch (done.kind) {
    case Decay::Kind::one_bit:
      done.bits = 1;
      done.at = draw.place(bytes.size());
      bytes[done.at] ^= static_cast<char>(1 << draw.below(8));
      break;
    case Decay::Kind::some_bits:
      done.bits = 2 + draw.below(7);
      for (uint64_t i = done.bits; i > 0; --i) {
        done.at = draw.place(bytes.size());
        bytes[done.at] ^= static_cast<char>(1 << draw.below(8));
      }
      break;
    case Decay::Kind::zeroed_page:
      done.at = page_at(bytes.size());
      bytes.replace(done.at, std::min(page, bytes.size() - done.at),
                    std::min(page, bytes.size() - done.at), '\0');
      break;
    case Decay::Kind::swapped_page: {
      const auto others = files_of(directory, draw.file());
      if (others.empty()) return std::nullopt;
      const fs::path other = draw.one_in(2) ? file : others[draw.below(others.size())];
      std::string second = other == file ? bytes : read_file(directory / other);
      done.at = page_at(bytes.size());
      const uint64_t there = page_at(second.size());
      const std::string mine = bytes.substr(done.at, page), theirs = second.substr(there, page);
      if (mine.size() != theirs.size()) return std::nullopt;  // or all behind it would move
      if (other == file) {
        bytes.replace(there, mine.size(), mine);
      } else {
        done.other = other.filename().string();
        second.replace(there, theirs.size(), mine);
      }
      bytes.replace(done.at, mine.size(), theirs);
      if (bytes == before) return std::nullopt;
      copy_live(directory, to);
      write_file(to / other, other == file ? bytes : second);
      write_file(to / file, bytes);
      return done;
    }
    case Decay::Kind::stale_page: {
      const std::string old = read_or_nothing(earlier / file);
      if (old.empty()) return std::nullopt;
      done.at = page_at(std::min(old.size(), bytes.size()));
      const std::string then = old.substr(done.at, page);
      bytes.replace(done.at, std::min<uint64_t>(then.size(), bytes.size() - done.at), then);
      break;
    }
    case Decay::Kind::truncated:
      done.at = draw.place(bytes.size());
      bytes.resize(done.at);
      break;
    case Decay::Kind::stale_file: {
      const std::string old = read_or_nothing(earlier / file);
      if (old.empty()) return std::nullopt;
      bytes = old;
      break;
    }
    case Decay::Kind::missing_file:
      copy_live(directory, to);
      fs::remove(to / file);
      return done;
  }
  if (bytes == before) return std::nullopt;
  copy_live(directory, to);
  write_file(to / file, bytes);
  return done;
}

}  // namespace strandline::tests
