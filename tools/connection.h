// What a client command talks to: a log, in a directory (local_log.h) or behind a server
// (remote_log.h). The commands do not know which.
//
// *Threads*: one at a time. *Errors*: as the log's own; `closed` where a server cannot be reached,
// so that nothing was sent; `io` where the connection was lost, in which case nothing is known of
// what was under way. *Waiting*: calls end early, with `closed`, once Interrupt (interrupt.h) is
// raised.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/log.h"
#include "tools/named_consumers.h"
#include "tools/purpose.h"
#include "tools/settings.h"

namespace strandline::tools {

struct ReadRequest {
  Selection select = {};
  From from = {};
  std::vector<std::string> types = {};                         // see TypeFilter
  uint64_t events_max = std::numeric_limits<uint64_t>::max();  // of a read that does not follow
  bool backward = false;                                       // newest first; of one stream
  bool follow = false;                                         // history, then live, without end
  bool wait = false;  // a follower's, behind a server: for a stream that does not exist yet
};

// Reads what a request asks for: up to the tail as it stood when reading began, or without end.
class Reader {
 public:
  virtual ~Reader() = default;

  // The next delivery, valid until the next call. Nothing: the end has been reached, or nothing
  // came to a follower within `patience`.
  virtual Result<std::optional<Delivery>> next(std::chrono::milliseconds patience) = 0;
  // The first position not yet delivered, once it is known.
  virtual std::optional<uint64_t> position() const = 0;
};

// Atomic appends one after the other, several under way at once, acknowledged in order.
class Feed {
 public:
  virtual ~Feed() = default;
  virtual Status send(const AppendMany& request) = 0;
  // Waits for the acknowledgement of the oldest under way. After an error the feed is finished.
  virtual Status receive() = 0;
};

class Connection {
 public:
  virtual ~Connection() = default;
  // A server may go away and come back; a directory is this process's own.
  virtual bool is_server() const = 0;

  virtual Result<Appended> append(Append request) = 0;
  virtual Result<std::unique_ptr<Feed>> feed() = 0;
  virtual Result<std::unique_ptr<Reader>> read(const ReadRequest& request) = 0;

  virtual Result<StreamInfo> create_stream(const std::string& name, const StreamSettings&) = 0;
  virtual Status delete_stream(const std::string& name) = 0;
  virtual Result<Offset> truncate(const std::string& name, Offset before) = 0;
  virtual Result<StreamInfo> describe(const std::string& name) = 0;
  virtual Result<std::vector<StreamInfo>> list(const std::string& prefix, const std::string& after,
                                               size_t limit) = 0;

  virtual Result<uint64_t> position(const std::string& consumer, const std::string& stream) = 0;
  virtual Result<std::vector<ConsumerPosition>> positions(const std::string& prefix,
                                                               size_t limit) = 0;
  // Of a reader that is no named consumer: all that it has, back too.
  virtual Result<std::vector<ConsumerPosition>> reset_positions(const std::string& consumer,
                                                                     const From& from) = 0;
  virtual Result<uint64_t> commit(Commit request) = 0;
  virtual NamedConsumers& consumers() = 0;

  // Sizes, segments, counters: a JSON object.
  virtual Result<std::string> info() = 0;
};

// Opens what the settings name. `invalid` is a mistake in the settings.
Result<std::unique_ptr<Connection>> connect(const Settings& settings, Purpose purpose);

}  // namespace strandline::tools
