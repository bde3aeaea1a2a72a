#include "tests/support/disk/recording.h"

#include <fmt/format.h>

#include <fstream>
#include <stdexcept>

namespace strandline::tests {
namespace {

void put(std::ostream& out, const std::string& bytes) {
  out << bytes.size() << '\n' << bytes << '\n';
}

std::string get(std::istream& in) {
  size_t size = 0;
  in >> size;
  in.get();
  std::string bytes(size, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(size));
  in.get();
  if (!in) throw std::runtime_error("a recording that is cut off");
  return bytes;
}

constexpr const char* kNames[] = {
    "write", "truncate", "sync",           "range-sync",       "create",         "rename",
    "link",  "unlink",   "make-directory", "remove-directory", "sync-directory", "note"};

}  // namespace

std::string parent_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos || slash == 0 ? "/" : path.substr(0, slash);
}

std::string describe(const DiskOp& op) {
  const char* name = kNames[static_cast<size_t>(op.kind)];
  if (op.kind == DiskOp::Kind::note) {
    std::string words = op.bytes.substr(0, 100);
    for (char& c : words) c = c == '\n' ? ' ' : c;
    return fmt::format("{} {}", name, words);
  }
  if (op.kind == DiskOp::Kind::rename || op.kind == DiskOp::Kind::link) {
    return fmt::format("{} {} to {}", name, op.path, op.bytes);
  }
  return fmt::format("{} {} file {} at {}, {} bytes", name, op.path, op.file, op.at,
                     op.bytes.size());
}

void DiskImage::write_to(const std::filesystem::path& directory) const {
  for (const std::string& path : directories) {
    std::filesystem::create_directories(directory / path.substr(1));
  }
  for (const auto& [path, bytes] : files) {
    std::ofstream(directory / path.substr(1), std::ios::binary) << bytes;
  }
}

size_t Recording::inherited() const {
  size_t notes = 0;
  while (notes < ops.size() && ops[notes].kind == DiskOp::Kind::note) ++notes;
  return notes;
}

void Recording::save(const std::filesystem::path& file) const {
  std::ofstream out(file, std::ios::binary);
  out << base.files.size() << ' ' << base.directories.size() << ' ' << ops.size() << '\n';
  for (const auto& [path, bytes] : base.files) {
    put(out, path);
    put(out, bytes);
  }
  for (const std::string& path : base.directories) put(out, path);
  for (const DiskOp& op : ops) {
    out << int(op.kind) << ' ' << op.file << ' ' << op.at << '\n';
    put(out, op.path);
    put(out, op.bytes);
  }
}

Recording Recording::load(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  Recording recording;
  size_t files = 0, directories = 0, ops = 0;
  in >> files >> directories >> ops;
  in.get();
  if (!in) throw std::runtime_error(file.string() + " is no recording");
  for (size_t i = 0; i < files; ++i) {
    const std::string path = get(in);
    recording.base.files[path] = get(in);
  }
  for (size_t i = 0; i < directories; ++i) recording.base.directories.insert(get(in));
  for (size_t i = 0; i < ops; ++i) {
    int kind = 0;
    DiskOp op{};
    in >> kind >> op.file >> op.at;
    in.get();
    op.kind = static_cast<DiskOp::Kind>(kind);
    op.path = get(in);
    op.bytes = get(in);
    recording.ops.push_back(std::move(op));
  }
  return recording;
}

}  // namespace strandline::tests
