#include "engine/directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include "engine/log.h"

namespace strandline {
namespace {

namespace fs = std::filesystem;

std::string format_line() { return fmt::format("strandline {}\n", kFormatVersion); }

Error io_error(const fs::path& path, int number) {
  return {.code = Code::io, .message = fmt::format("{}: {}", path.string(), std::strerror(number))};
}

Status sync_path(const fs::path& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return std::unexpected(io_error(path, errno));
  const int failed = fsync(descriptor) == 0 ? 0 : errno;
  close(descriptor);
  if (failed) return std::unexpected(io_error(path, failed));
  return {};
}

Status write_format(const fs::path& directory) {
  const fs::path temporary = directory / "FORMAT.tmp", file = directory / "FORMAT";
  std::ofstream out(temporary);
  out << format_line();
  out.close();
  if (!out) return std::unexpected(io_error(temporary, errno));
  if (auto ok = sync_path(temporary); !ok) return ok;
  std::error_code error;
  fs::rename(temporary, file, error);
  if (error) return std::unexpected(io_error(file, error.value()));
  return sync_path(directory);
}

// Anything that is not a half-made log of ours.
bool holds_something_else(const fs::path& directory) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const auto name = entry.path().filename();
    if (name != "lost+found" && name != "FORMAT.tmp") return true;
  }
  return false;
}

}  // namespace

Status Directory::sync() const { return sync_path(path); }

Result<Directory> Directory::prepare(const fs::path& path, const Options& options) {
  Directory directory{.path = path};
  const bool may_create = options.mode == Options::Mode::owner && options.create_if_missing;
  std::error_code error;
  if (!fs::exists(path / "FORMAT", error)) {
    if (fs::exists(path, error) && !fs::is_directory(path, error)) {
      return fail(Code::invalid, fmt::format("{} is not a directory", path.string()));
    }
    if (!may_create) return fail(Code::not_found, fmt::format("no log in {}", path.string()));
    // The directory's own entry is made durable, and those of its parents that are new.
    fs::path ancestor = fs::absolute(path).lexically_normal();
    if (!ancestor.has_filename()) ancestor = ancestor.parent_path();  // "data/"
    std::vector<fs::path> changed;
    for (; !fs::exists(ancestor, error) && ancestor.has_relative_path();
         ancestor = ancestor.parent_path()) {
      changed.push_back(ancestor.parent_path());
    }
    fs::create_directories(path, error);
    if (error) return std::unexpected(io_error(path, error.value()));
    for (const fs::path& parent : changed) {
      if (auto ok = sync_path(parent); !ok) return std::unexpected(ok.error());
    }
    if (holds_something_else(path)) {
      return fail(
          Code::invalid,
          fmt::format("{} is not empty and holds no log (no FORMAT file): a new log needs an "
                      "empty directory",
                      path.string()));
    }
    if (auto ok = write_format(path); !ok) return std::unexpected(std::move(ok.error()));
    directory.fresh = true;
    return directory;
  }
  std::ifstream in(path / "FORMAT");
  const std::string format{std::istreambuf_iterator<char>(in), {}};
  if (format != format_line()) {
    return fail(
        Code::unsupported_format,
        fmt::format("{} is in format \"{}\", and this build knows \"strandline {}\"", path.string(),
                    format.substr(0, format.find('\n')).substr(0, 64), kFormatVersion));
  }
  // A creation that was cut off leaves neither a store nor a mark.
  directory.fresh = !fs::exists(path / "HEAD", error) && !fs::exists(path / "store/CURRENT", error);
  if (!directory.fresh && !fs::exists(path / "store/CURRENT", error)) {
    return fail(Code::corrupt,
                fmt::format("{} is missing: the log's events cannot be found without it",
                            (path / "store/CURRENT").string()));
  }
  return directory;
}

}  // namespace strandline
