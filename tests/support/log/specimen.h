// A log at rest for others to harm: a small directory with a bit of everything in it, and the truth
// about what it holds, so that whatever is done to a copy, what is read from it can be judged.
//
// Deterministic but for what RocksDB's threads decide: the same events, segments, streams,
// positions and times each run. Events are payload.h's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/log.h"

namespace strandline::tests {

struct Truth {
  struct Stream {
    uint64_t start = 0;
    uint64_t tail = 0;
    std::vector<std::pair<uint64_t, uint64_t>> batches;  // [first, next), from start on
    std::map<uint64_t, uint64_t> sequences;              // by offset
  };
  std::map<std::string, Stream> streams;
  using Position = std::pair<std::string, std::string>;  // consumer and stream
  std::map<Position, uint64_t> positions;
  std::set<Position> late;  // those that were committed after the head mark was last renewed
  std::set<std::string> deleted = {"gone"};  // streams that are not there any more
  uint64_t start = 0;                        // of the whole order
  uint64_t next = 0;
  uint64_t mark = 0;                                           // the head mark of this directory
  std::map<uint64_t, std::pair<std::string, uint64_t>> order;  // by sequence: stream and offset
};

struct Specimen {
  std::string name;
  std::filesystem::path directory;
  std::filesystem::path earlier;  // the same log at an earlier moment
  Truth truth;
  // The table files that hold an event, by sequence; none if it is in the WAL alone.
  std::map<uint64_t, std::set<std::string>> tables = {};
};

// Small, so that a log opens in a moment.
Options specimen_options();

// Under `below`, in this order: closed whole; crashed with its newest events in the WAL alone; the
// same a second later, when the head mark knows of all of it.
std::vector<Specimen> make_specimens(const std::filesystem::path& below);

// What a healthy log holds.
Truth truth_of(const Log& log);

}  // namespace strandline::tests
