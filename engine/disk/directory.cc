#include "engine/disk/directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "engine/api/log_info.h"

namespace strandline {
namespace {

namespace fs = std::filesystem;

// Version 2 added the family `producers`, version 3 the family `access`, so that older builds must
// not open it: they would serve to everybody what only some may see. Nothing else differs: an older
// log becomes one of this version by saying so.
constexpr uint32_t kOldestVersion = 1;

std::string format_line(uint32_t version = kFormatVersion) {
  return fmt::format("strandline {}\n", version);
}

bool is_older(const std::string& line) {
  for (uint32_t version = kOldestVersion; version < kFormatVersion; ++version) {
    if (line == format_line(version)) return true;
  }
  return false;
}

bool names_a_version(std::string_view line) {
  constexpr std::string_view kName = "strandline ";
  if (!line.starts_with(kName) || !line.ends_with('\n')) return false;
  line = line.substr(kName.size(), line.size() - kName.size() - 1);
  return !line.empty() && std::ranges::all_of(line, [](char c) { return c >= '0' && c <= '9'; });
}

// The directory, and those of its parents that are new: each entry is durable when this returns.
Status create(const Disk& disk, const fs::path& path) {
  fs::path ancestor = fs::absolute(path).lexically_normal();
  if (!ancestor.has_filename()) ancestor = ancestor.parent_path();  // "data/"
  std::vector<fs::path> missing;
  for (; ancestor.has_relative_path(); ancestor = ancestor.parent_path()) {
    auto there = disk.exists(ancestor);
    if (!there) return std::unexpected(std::move(there.error()));
    if (*there) break;
    missing.push_back(ancestor);
  }
  if (missing.empty()) {
    // A creation that was killed may have left it without its entry being durable. A parent that
    // cannot be opened was never ours to change.
    (void)disk.sync_directory(ancestor.parent_path());
  }
  std::ranges::reverse(missing);
  for (const fs::path& directory : missing) {
    if (auto ok = disk.create_directory(directory); !ok) return ok;
    if (auto ok = disk.sync_directory(directory.parent_path()); !ok) return ok;
  }
  return {};
}

// Makes a directory that may become a log's: new, or with nothing in it.
Status claim(const Disk& disk, const fs::path& path, const Options& options) {
  auto there = disk.exists(path);
  if (!there) return std::unexpected(std::move(there.error()));
  auto directory = disk.is_directory(path);
  if (!directory) return std::unexpected(std::move(directory.error()));
  if (*there && !*directory) {
    return fail(Code::invalid, fmt::format("{} is not a directory", path.string()));
  }
  if (options.mode != Options::Mode::owner || !options.create_if_missing) {
    return fail(Code::not_found, fmt::format("no log in {}", path.string()));
  }
  if (auto ok = create(disk, path); !ok) return ok;
  auto names = disk.list(path);
  if (!names) return std::unexpected(std::move(names.error()));
  // Another is making it at this moment: who has the lock decides.
  if (std::ranges::find(*names, "FORMAT") != names->end()) return {};
  // Anything that is not a half-made log of ours.
  if (std::ranges::any_of(*names, [](const std::string& name) {
        return name != "lost+found" && name != "FORMAT.tmp" && name != "LOCK";
      })) {
    return fail(Code::invalid,
                fmt::format("{} is not empty and holds no log (no FORMAT file): a new log needs "
                            "an empty directory",
                            path.string()));
  }
  return {};
}

Result<bool> holds_files_of_a_store(const Disk& disk, const fs::path& store) {
  auto directory = disk.is_directory(store);
  if (!directory || !*directory) return directory;
  const auto names = disk.list(store);
  if (!names) return std::unexpected(names.error());
  return std::ranges::any_of(*names, [](const std::string& name) {
    return name.ends_with(".sst") || name.ends_with(".log");
  });
}

// Where damage is accepted, and the store is there: unless FORMAT says that it is of another
// build's format, it may be damaged or gone.
Status repair_format(const Disk& disk, const fs::path& file) {
  auto known = disk.exists(file);
  if (!known) return std::unexpected(std::move(known.error()));
  auto line = *known ? disk.read(file) : Result<std::string>();
  if (!line) return std::unexpected(std::move(line.error()));
  return names_a_version(*line) ? Status() : disk.replace(file, format_line());
}

}  // namespace

Result<Directory> Directory::prepare(const Disk& disk, const fs::path& path,
                                     const Options& options) {
  const bool owner = options.mode == Options::Mode::owner;
  const bool accept = owner && options.accept_loss;
  const fs::path file = path / "FORMAT";
  Directory directory{.path = path};
  auto there = disk.is_directory(directory.store());
  if (!there) return std::unexpected(std::move(there.error()));
  const bool repairs = accept && *there;
  auto known = disk.exists(file);
  if (!known) return std::unexpected(std::move(known.error()));
  if (!*known && !repairs) {
    if (auto ok = claim(disk, path, options); !ok) return std::unexpected(std::move(ok.error()));
  }
  if (owner) {
    auto lock = disk.lock(path / "LOCK");
    if (!lock) return std::unexpected(std::move(lock.error()));
    directory.lock = std::move(*lock);
  }
  if (repairs) {
    if (auto ok = repair_format(disk, file); !ok) return std::unexpected(std::move(ok.error()));
  }
  // Looked for again: another may have made it before this one had the lock.
  known = disk.exists(file);
  if (!known) return std::unexpected(std::move(known.error()));
  auto format = *known ? disk.read(file) : Result<std::string>();
  if (!format) return std::unexpected(std::move(format.error()));
  if (!*known || is_older(*format)) {
    if (owner) {
      if (auto ok = disk.replace(file, format_line()); !ok) {
        return std::unexpected(std::move(ok.error()));
      }
    }
  } else if (*format != format_line()) {
    return fail(
        Code::unsupported_format,
        fmt::format("{}/FORMAT: it is in format \"{}\", and this build knows \"strandline {}\"",
                    path.string(), format->substr(0, format->find('\n')).substr(0, 64),
                    kFormatVersion));
  }
  auto mark = disk.exists(path / "HEAD");
  if (!mark) return std::unexpected(std::move(mark.error()));
  directory.unfinished = !*mark;
  const fs::path current = directory.store() / "CURRENT";
  auto store = disk.exists(current);
  if (!store) return std::unexpected(std::move(store.error()));
  // A creation that was cut off leaves neither a store nor a mark.
  directory.fresh = !*mark && !*store;
  if (directory.fresh && owner) {
    // What is there without either RocksDB would delete.
    auto held = holds_files_of_a_store(disk, directory.store());
    if (!held) return std::unexpected(std::move(held.error()));
    directory.fresh = !*held;
  }
  if (!directory.fresh && !*store && !accept) {
    return fail(Code::corrupt,
                fmt::format("{} is missing: the log's events cannot be found without it",
                            current.string()));
  }
  return directory;
}

}  // namespace strandline
