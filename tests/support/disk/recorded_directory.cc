// The names on a recorded disk: directories, and what is created, renamed and removed in them.
#include "tests/support/disk/recorded_file.h"

namespace strandline::tests {

using S = rocksdb::IOStatus;
using O = rocksdb::IOOptions;
using D = rocksdb::IODebugContext;
using Kind = DiskOp::Kind;

S RecordedDisk::sync_directory(const std::string& path) {
  const uint64_t begun = instant();
  take_a_while();
  const std::lock_guard lock(mutex_);
  if (const Fault fault = ask(Access::Kind::directory, path); fault != Fault::none) {
    return failed(fault, path);
  }
  record({.kind = Kind::sync_directory, .at = begun, .path = path});
  return S::OK();
}

S RecordedDisk::NewDirectory(const std::string& name, const O&, Made<rocksdb::FSDirectory> made,
                             D*) {
  const std::string path = clean(name);
  const std::lock_guard lock(mutex_);
  if (!directories_.contains(path)) return S::PathNotFound("no such directory", path);
  *made = std::make_unique<RecordedDirectory>(*this, path);
  return S::OK();
}

S RecordedDisk::FileExists(const std::string& name, const O&, D*) {
  const std::string path = clean(name);
  const std::lock_guard lock(mutex_);
  if (const Fault fault = ask(Access::Kind::open, path); fault != Fault::none) {
    return failed(fault, path);
  }
  if (files_.contains(path) || directories_.contains(path)) return S::OK();
  return S::NotFound();
}

S RecordedDisk::GetChildren(const std::string& name, const O&, std::vector<std::string>* names,
                            D*) {
  const std::string path = clean(name);
  const std::lock_guard lock(mutex_);
  names->clear();
  if (const Fault fault = ask(Access::Kind::list, path); fault != Fault::none) {
    return failed(fault, path);
  }
  if (!directories_.contains(path)) return S::PathNotFound("no such directory", path);
  const auto add = [&](const std::string& child) {
    if (child != path && parent_of(child) == path) {
      names->push_back(child.substr(child.rfind('/') + 1));
    }
  };
  for (const auto& [child, node] : files_) add(child);
  for (const std::string& child : directories_) add(child);
  return S::OK();
}

S RecordedDisk::DeleteFile(const std::string& name, const O&, D*) {
  const std::string path = clean(name);
  const std::lock_guard lock(mutex_);
  if (const Fault fault = ask(Access::Kind::unlink, path); fault != Fault::none) {
    return failed(fault, path);
  }
  if (files_.erase(path) == 0) return S::PathNotFound("no such file", path);
  record({.kind = Kind::unlink, .path = path});
  return S::OK();
}

S RecordedDisk::CreateDir(const std::string& name, const O&, D*) {
  const std::string path = clean(name);
  const std::lock_guard lock(mutex_);
  if (const Fault fault = ask(Access::Kind::create, path); fault != Fault::none) {
    return failed(fault, path);
  }
  if (!directories_.insert(path).second) return S::IOError("it is there", path);
  record({.kind = Kind::make_directory, .path = path});
  return S::OK();
}

S RecordedDisk::CreateDirIfMissing(const std::string& name, const O& options, D* debug) {
  bool there = false;
  const S status = IsDirectory(name, options, &there, debug);
  return status.ok() && there ? S::OK() : CreateDir(name, options, debug);
}

S RecordedDisk::DeleteDir(const std::string& name, const O&, D*) {
  const std::string path = clean(name);
  const std::lock_guard lock(mutex_);
  if (const Fault fault = ask(Access::Kind::unlink, path); fault != Fault::none) {
    return failed(fault, path);
  }
  if (directories_.erase(path) == 0) return S::PathNotFound("no such directory", path);
  record({.kind = Kind::remove_directory, .path = path});
  return S::OK();
}

S RecordedDisk::RenameFile(const std::string& from, const std::string& to, const O&, D*) {
  const std::string path = clean(from), target = clean(to);
  const std::lock_guard lock(mutex_);
  if (const Fault fault = ask(Access::Kind::rename, target); fault != Fault::none) {
    return failed(fault, target);
  }
  const auto at = files_.find(path);
  if (at == files_.end()) return S::PathNotFound("no such file", path);
  const NodePtr node = at->second;
  files_.erase(at);
  node->path = target;
  files_[target] = node;
  record({.kind = Kind::rename, .file = node->number, .path = path, .bytes = target});
  return S::OK();
}

S RecordedDisk::LinkFile(const std::string& from, const std::string& to, const O&, D*) {
  const std::string path = clean(from), target = clean(to);
  const std::lock_guard lock(mutex_);
  if (const Fault fault = ask(Access::Kind::rename, target); fault != Fault::none) {
    return failed(fault, target);
  }
  const auto at = files_.find(path);
  if (at == files_.end()) return S::PathNotFound("no such file", path);
  const NodePtr node = at->second;
  files_[target] = node;
  record({.kind = Kind::link, .file = node->number, .path = path, .bytes = target});
  return S::OK();
}

S RecordedDisk::IsDirectory(const std::string& name, const O&, bool* is, D*) {
  const std::string path = clean(name);
  const std::lock_guard lock(mutex_);
  *is = directories_.contains(path);
  return *is || files_.contains(path) ? S::OK() : S::PathNotFound("no such file", path);
}

}  // namespace strandline::tests
