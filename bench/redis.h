// The peer that everybody knows: a redis-server of our own, with one fsync before each answer.
//
// *Ownership*: the process is started on a free port of 127.0.0.1 with its files in a scratch
// directory, and is gone with the object. *Errors*: Failure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/process.h"
#include "bench/workload.h"

namespace strandline::bench {

class Redis {
 public:
  // Why there is none; nothing if it can be run.
  static std::optional<std::string> absent(const Settings& settings);

  // `fsync`: "always", or "no" for one that only serves reads.
  Redis(const Settings& settings, std::string_view fsync);

  uint16_t port() const { return port_; }
  double cpu_s() const { return process_.cpu_s(); }

 private:
  Scratch scratch_;
  uint16_t port_;
  Process process_;
};

// One command in Redis's protocol (RESP2, https://redis.io/docs/reference/protocol-spec).
std::string redis_command(const std::vector<std::string_view>& parts);

// `count` XADDs of one 256-byte value each, to be sent as one pipeline.
std::string redis_adds(std::string_view stream, uint64_t first, uint32_t count);

// Reads an XRANGE or XREAD answer (of one stream, entries of one field) as it arrives, in pieces of
// any size.
class RedisRange {
 public:
  // XREAD's entries come behind their stream's name.
  enum class Of { entries, streams };
  // `ids`, if there is one, gets the entries' ids.
  explicit RedisRange(Of of = Of::entries, std::vector<std::string>* ids = nullptr)
      : names_(of == Of::streams ? 1 : 0), ids_(ids) {}

  void take(std::string_view bytes);
  bool whole() const { return begun_ && elements_left_ == 0; }
  uint64_t entries() const { return (bulks_ - names_) / 3; }  // id, field and value each
  const std::string& last_id() const { return last_id_; }

 private:
  uint64_t names_;
  std::vector<std::string>* ids_;
  std::string unread_;
  bool begun_ = false;
  uint64_t elements_left_ = 0;
  uint64_t bulks_ = 0;
  std::string last_id_;
};

}  // namespace strandline::bench
