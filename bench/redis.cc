#include "bench/redis.h"

#include <chrono>
#include <cstdlib>
#include <thread>

#include "bench/load.h"
#include "bench/payload.h"
#include "bench/peers.h"
#include "bench/socket.h"

namespace strandline::bench {
namespace {

std::vector<std::string> redis_command_line(const Scratch& scratch, uint16_t port,
                                            std::string_view fsync) {
  // No snapshots and no rewriting of its log while it is measured: both would only slow it down.
  return {find_program("redis-server").value_or("redis-server"),
          "--port",
          std::to_string(port),
          "--bind",
          "127.0.0.1",
          "--dir",
          scratch.path().string(),
          "--logfile",
          (scratch.path() / "redis.log").string(),
          "--save",
          "",
          "--appendonly",
          fsync == "no" ? "no" : "yes",
          "--appendfsync",
          std::string(fsync),
          "--auto-aof-rewrite-percentage",
          "0"};
}

}  // namespace

std::optional<std::string> Redis::absent(const Settings& settings) {
  return bench::absent(settings, "redis-server");
}

Redis::Redis(const Settings& settings, std::string_view fsync)
    : scratch_(settings.directory, "redis"),
      port_(free_port()),
      process_(redis_command_line(scratch_, port_, fsync), scratch_.path() / "errors.log") {
  for (int i = 0; i < 200; ++i) {
    try {
      Socket socket(port_);
      socket.write_all("PING\r\n");
      char answer[64];
      if (std::string_view(answer, socket.read_some(answer, sizeof answer)).starts_with("+PONG")) {
        return;
      }
    } catch (const Failure&) {
      // Not listening yet.
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }
  throw Failure("redis-server does not answer");
}

std::string redis_command(const std::vector<std::string_view>& parts) {
  std::string bytes = "*" + std::to_string(parts.size()) + "\r\n";
  for (const std::string_view part : parts) {
    bytes.append("$")
        .append(std::to_string(part.size()))
        .append("\r\n")
        .append(part)
        .append("\r\n");
  }
  return bytes;
}

std::string redis_adds(std::string_view stream, uint64_t first, uint32_t count) {
  std::string bytes;
  for (uint64_t number = first; number < first + count; ++number) {
    bytes += redis_command({"XADD", stream, "*", "d", payload(number)});
  }
  return bytes;
}

void RedisRange::take(std::string_view bytes) {
  // Only what a page's piece left over is copied; elements are counted, values are passed over.
  if (!unread_.empty()) bytes = unread_.append(bytes);
  size_t at = 0;
  while (!whole()) {
    const size_t end = bytes.find("\r\n", at);
    if (end == std::string_view::npos) break;
    const char kind = bytes[at];
    const uint64_t length = std::strtoull(bytes.data() + at + 1, nullptr, 10);
    if (kind == '-') throw Failure("redis answered " + std::string(bytes.substr(at, end - at)));
    size_t next = end + 2;
    if (kind == '$') {
      next += length + 2;
      if (next > bytes.size()) break;
      if (bulks_++ % 3 == names_) {
        last_id_ = bytes.substr(end + 2, length);
        if (ids_) ids_->push_back(last_id_);
      }
    }
    if (!begun_) {
      begun_ = true;
      elements_left_ = 1;
    }
    --elements_left_;
    if (kind == '*') elements_left_ += length;
    at = next;
  }
  unread_ = std::string(bytes.substr(at));
}

}  // namespace strandline::bench
