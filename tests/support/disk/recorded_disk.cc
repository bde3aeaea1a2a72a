#include "tests/support/disk/recorded_disk.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <optional>

#include "tests/support/disk/recorded_file.h"

namespace strandline::tests {
namespace {

using S = rocksdb::IOStatus;
using O = rocksdb::IOOptions;
using D = rocksdb::IODebugContext;
using Kind = DiskOp::Kind;

struct Lock : rocksdb::FileLock {
  std::string path;
};

}  // namespace

RecordedDisk::RecordedDisk(DiskImage image, uint64_t seed) : random_(seed) {
  for (const auto& [path, bytes] : image.files) {
    files_[path] = std::make_shared<Node>(++nodes_, path, bytes);
  }
  directories_ = image.directories;
  directories_.insert("/");
  recording_.base = std::move(image);
}

RecordedDisk::~RecordedDisk() = default;

void RecordedDisk::on_access(std::function<Fault(const Access&)> faults) {
  const std::lock_guard lock(mutex_);
  faults_ = std::move(faults);
}

void RecordedDisk::note(const std::vector<std::string>& words) {
  std::string lines;
  for (const std::string& word : words) lines += word + '\n';
  const std::lock_guard lock(mutex_);
  record({.kind = Kind::note, .bytes = std::move(lines)});
}

void RecordedDisk::inherit_notes(const Recording& recording, size_t instant) {
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; i < instant; ++i) {
    if (recording.ops[i].kind == Kind::note) record(recording.ops[i]);
  }
}

uint64_t RecordedDisk::instant() const {
  const std::lock_guard lock(mutex_);
  return recording_.ops.size();
}

Recording RecordedDisk::recording() const {
  const std::lock_guard lock(mutex_);
  return recording_;
}

DiskImage RecordedDisk::image() const {
  const std::lock_guard lock(mutex_);
  DiskImage image{.files = {}, .directories = directories_};
  for (const auto& [path, node] : files_) image.files[path] = node->bytes;
  return image;
}

std::string RecordedDisk::clean(const std::string& path) {
  std::string out;
  for (const char c : path) {
    if (c != '/' || out.empty() || out.back() != '/') out += c;
  }
  if (out.size() > 1 && out.back() == '/') out.pop_back();
  return out;
}

S RecordedDisk::failed(Fault fault, const std::string& path) {
  if (fault == Fault::no_space) return S::NoSpace("this disk was told to be full", path);
  return S::IOError("this disk was told to fail", path);
}

Fault RecordedDisk::ask(Access::Kind kind, const std::string& path) {
  const Access access{kind, path};
  const Fault fault = faults_ ? faults_(access) : Fault::none;
  if (fault != Fault::none) {
    record({.kind = DiskOp::Kind::note,
            .bytes = (access.writes_wal() ? "wal failed\n" : "failed\n") + path + '\n'});
  }
  return fault;
}

void RecordedDisk::take_a_while() {
  std::unique_lock lock(mutex_);
  const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(random_() % 120);
  never_.wait_until(lock, until, [] { return false; });
}

// --- Files.

S RecordedDisk::read(const NodePtr& node, uint64_t at, size_t bytes, rocksdb::Slice* result,
                     char* scratch) {
  const std::lock_guard lock(mutex_);
  *result = {};
  if (const Fault fault = ask(Access::Kind::read, node->path); fault != Fault::none) {
    return failed(fault, node->path);
  }
  if (at >= node->bytes.size()) return S::OK();
  const size_t count = std::min(bytes, node->bytes.size() - at);
  std::memcpy(scratch, node->bytes.data() + at, count);
  *result = rocksdb::Slice(scratch, count);
  return S::OK();
}

S RecordedDisk::write(const NodePtr& node, std::optional<uint64_t> at, const rocksdb::Slice& data) {
  const std::lock_guard lock(mutex_);
  const Fault fault = ask(Access::Kind::write, node->path);
  size_t count = data.size();
  if (fault == Fault::half) count /= 2;
  if (fault == Fault::none || fault == Fault::half) {
    const uint64_t place = at.value_or(node->bytes.size());
    if (node->bytes.size() < place + count) node->bytes.resize(place + count);
    std::memcpy(node->bytes.data() + place, data.data(), count);
    record({.kind = Kind::write,
            .file = node->number,
            .at = place,
            .path = node->path,
            .bytes = std::string(data.data(), count)});
  }
  return fault == Fault::none ? S::OK() : failed(fault, node->path);
}

S RecordedDisk::truncate(const NodePtr& node, uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (node->bytes.size() == bytes) return S::OK();
  if (const Fault fault = ask(Access::Kind::truncate, node->path); fault != Fault::none) {
    return failed(fault, node->path);
  }
  node->bytes.resize(bytes);
  record({.kind = Kind::truncate, .file = node->number, .at = bytes, .path = node->path});
  return S::OK();
}

S RecordedDisk::sync(const NodePtr& node) {
  const uint64_t begun = instant();
  take_a_while();
  const std::lock_guard lock(mutex_);
  const Fault fault = ask(Access::Kind::sync, node->path);
  if (fault == Fault::none) {
    record({.kind = Kind::sync, .file = node->number, .at = begun, .path = node->path});
    return S::OK();
  }
  if (fault == Fault::drop_pages) {
    const uint64_t left = durable_bytes(*node);
    // The file is as long as it was: what is appended next stands where it would have stood.
    if (left < node->bytes.size()) {
      const std::string zeros(node->bytes.size() - left, '\0');
      node->bytes.replace(left, zeros.size(), zeros);
      record({.kind = Kind::write,
              .file = node->number,
              .at = left,
              .path = node->path,
              .bytes = zeros});
    }
  }
  return failed(fault, node->path);
}

S RecordedDisk::range_sync(const NodePtr& node) {
  const std::lock_guard lock(mutex_);
  if (const Fault fault = ask(Access::Kind::sync, node->path); fault != Fault::none) {
    return failed(fault, node->path);
  }
  record({.kind = Kind::range_sync, .file = node->number, .path = node->path});
  return S::OK();
}

uint64_t RecordedDisk::size(const NodePtr& node) const {
  const std::lock_guard lock(mutex_);
  return node->bytes.size();
}

// How long the file was when it was last synced: files here are only ever appended to, but for the
// head mark, whose length stays.
uint64_t RecordedDisk::durable_bytes(const Node& node) const {
  uint64_t bytes = 0, pending_from = 0;
  if (const auto at = recording_.base.files.find(node.path);
      at != recording_.base.files.end() && node.number <= recording_.base.files.size()) {
    bytes = at->second.size();
  }
  for (const DiskOp& op : recording_.ops) {
    if (op.file == node.number && op.kind == Kind::sync) pending_from = op.at;
  }
  for (uint64_t i = 0; i < pending_from; ++i) {
    const DiskOp& op = recording_.ops[i];
    if (op.file != node.number) continue;
    if (op.kind == Kind::write) bytes = std::max<uint64_t>(bytes, op.at + op.bytes.size());
    if (op.kind == Kind::truncate) bytes = op.at;
  }
  return bytes;
}

S RecordedDisk::open_file(const std::string& path, NodePtr& node) {
  const std::lock_guard lock(mutex_);
  if (const Fault fault = ask(Access::Kind::open, path); fault != Fault::none) {
    return failed(fault, path);
  }
  const auto at = files_.find(path);
  if (at == files_.end()) return S::PathNotFound("no such file", path);
  node = at->second;
  return S::OK();
}

S RecordedDisk::open_for_writing(const std::string& path, bool truncate, NodePtr& node) {
  const std::lock_guard lock(mutex_);
  if (const Fault fault = ask(Access::Kind::create, path); fault != Fault::none) {
    return failed(fault, path);
  }
  if (!directories_.contains(parent_of(path))) return S::PathNotFound("no such directory", path);
  NodePtr& there = files_[path];
  if (!there) {
    there = std::make_shared<Node>(++nodes_, path, "");
    record({.kind = Kind::create, .file = there->number, .path = path});
  } else if (truncate && !there->bytes.empty()) {
    there->bytes.clear();
    record({.kind = Kind::truncate, .file = there->number, .at = 0, .path = path});
  }
  node = there;
  return S::OK();
}

S RecordedDisk::NewSequentialFile(const std::string& name, const F&,
                                  Made<rocksdb::FSSequentialFile> file, D*) {
  NodePtr node;
  const S status = open_file(clean(name), node);
  if (status.ok()) *file = std::make_unique<RecordedSequentialFile>(*this, std::move(node));
  return status;
}

S RecordedDisk::NewRandomAccessFile(const std::string& name, const F&,
                                    Made<rocksdb::FSRandomAccessFile> file, D*) {
  NodePtr node;
  const S status = open_file(clean(name), node);
  if (status.ok()) *file = std::make_unique<RecordedRandomAccessFile>(*this, std::move(node));
  return status;
}

S RecordedDisk::NewRandomRWFile(const std::string& name, const F&,
                                Made<rocksdb::FSRandomRWFile> file, D*) {
  NodePtr node;
  const S status = open_file(clean(name), node);
  if (status.ok()) *file = std::make_unique<RecordedRandomFile>(*this, std::move(node));
  return status;
}

S RecordedDisk::NewWritableFile(const std::string& name, const F&,
                                Made<rocksdb::FSWritableFile> file, D*) {
  NodePtr node;
  const S status = open_for_writing(clean(name), true, node);
  if (status.ok()) *file = std::make_unique<RecordedWritableFile>(*this, std::move(node));
  return status;
}

S RecordedDisk::ReopenWritableFile(const std::string& name, const F&,
                                   Made<rocksdb::FSWritableFile> file, D*) {
  NodePtr node;
  const S status = open_for_writing(clean(name), false, node);
  if (status.ok()) *file = std::make_unique<RecordedWritableFile>(*this, std::move(node));
  return status;
}

S RecordedDisk::Truncate(const std::string& name, size_t bytes, const O&, D*) {
  NodePtr node;
  const S status = open_file(clean(name), node);
  return status.ok() ? truncate(node, bytes) : status;
}

S RecordedDisk::GetFileSize(const std::string& name, const O&, uint64_t* bytes, D*) {
  NodePtr node;
  const S status = open_file(clean(name), node);
  *bytes = status.ok() ? size(node) : 0;
  return status;
}

S RecordedDisk::GetFileModificationTime(const std::string& name, const O&, uint64_t* time, D*) {
  NodePtr node;
  *time = 0;
  return open_file(clean(name), node);
}

// --- The rest.

S RecordedDisk::LockFile(const std::string& name, const O&, rocksdb::FileLock** lock, D*) {
  const std::string path = clean(name);
  const std::lock_guard guard(mutex_);
  if (!locks_.insert(path).second) return S::IOError("lock hold by current process", path);
  auto* made = new Lock;
  made->path = path;
  *lock = made;
  return S::OK();
}

S RecordedDisk::UnlockFile(rocksdb::FileLock* lock, const O&, D*) {
  const std::lock_guard guard(mutex_);
  locks_.erase(static_cast<Lock*>(lock)->path);
  delete static_cast<Lock*>(lock);
  return S::OK();
}

S RecordedDisk::GetTestDirectory(const O&, std::string* path, D*) {
  *path = std::string("/");
  return S::OK();
}

S RecordedDisk::GetAbsolutePath(const std::string& path, const O&, std::string* absolute, D*) {
  *absolute = clean(path);
  return S::OK();
}

S RecordedDisk::GetFreeSpace(const std::string&, const O&, uint64_t* bytes, D*) {
  *bytes = uint64_t{1} << 40;
  return S::OK();
}

}  // namespace strandline::tests
