// What a disk was told, in order, and what it holds: the material of which power cuts are made.
//
// An image is a disk at rest: files by path, and directories. A recording is an image, all of it
// durable, and everything that happened to it since, in one order with notes: what the program that
// used it had said by then. An *instant* is a number of operations: those before it have happened.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace strandline::tests {

struct DiskImage {
  std::map<std::string, std::string> files;
  std::set<std::string> directories;

  // Writes it below a directory of the real disk, to look at it.
  void write_to(const std::filesystem::path& directory) const;
};

struct DiskOp {
  enum class Kind : uint8_t {
    write,             // file, at, bytes
    truncate,          // file, at: the size
    sync,              // file; all that came before operation `at` is durable
    range_sync,        // file; makes nothing durable
    create,            // file, path
    rename,            // path, bytes: the new path
    link,              // path, bytes: the new path
    unlink,            // path
    make_directory,    // path
    remove_directory,  // path
    sync_directory,    // path; all entries that came before operation `at` are durable
    note,              // bytes: words, one a line; not the disk's
  };
  Kind kind;
  uint64_t file = 0;
  uint64_t at = 0;
  std::string path = {};
  std::string bytes = {};
};

struct Recording {
  DiskImage base;  // its files are numbered from 1 in the order of their paths
  std::vector<DiskOp> ops;

  // How many notes it begins with, before anything happened to the disk.
  size_t inherited() const;

  // For a run that failed: a file that replays exactly what this run recorded.
  void save(const std::filesystem::path& file) const;
  static Recording load(const std::filesystem::path& file);
};

std::string describe(const DiskOp& op);

// "/a/b" of "/a/b/c".
std::string parent_of(const std::string& path);

}  // namespace strandline::tests
