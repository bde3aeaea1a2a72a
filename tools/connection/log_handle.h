// A log, here or there: in a directory (local_log.h) or behind a server (remote_log.h). What a
// client command talks to; the commands do not know which of the two it is.
//
// Its methods have the names and the meaning of Log's (engine/log.h). *Threads*: one at a time.
// *Errors*: as the log's own; `closed` where a server cannot be reached, so that nothing was sent;
// `io` where the connection was lost, in which case nothing is known of what was under way.
// *Waiting*: calls end early, with `closed`, once Interrupt (interrupt.h) is raised.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/log.h"
#include "tools/base/settings.h"

namespace strandline::tools {

struct ReadRequest {
  Selection select = {};
  From from = {};
  std::vector<std::string> types = {};                         // see TextFilter
  std::vector<std::string> subjects = {};                      // the same
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

class LogHandle {
 public:
  virtual ~LogHandle() = default;
  // A server may go away and come back; a directory is this process's own.
  virtual bool is_server() const = 0;

  virtual Result<Appended> append(Append request) = 0;
  virtual Result<std::unique_ptr<Feed>> feed() = 0;
  virtual Result<std::unique_ptr<Reader>> read(const ReadRequest& request) = 0;

  // --- As Log's of the same name.
  virtual Result<StreamInfo> create_stream(std::string name, StreamSettings settings) = 0;
  virtual Status delete_stream(std::string name) = 0;
  virtual Result<Offset> truncate(std::string name, Offset before) = 0;
  virtual Result<StreamInfo> describe(std::string_view name) = 0;
  virtual Result<std::vector<StreamInfo>> list(std::string_view prefix, std::string_view after,
                                               size_t limit) = 0;

  virtual Result<uint64_t> position(std::string_view consumer, std::string_view stream) = 0;
  virtual Result<std::vector<ConsumerPosition>> positions(std::string_view consumer_prefix,
                                                          size_t limit) = 0;
  virtual Result<std::vector<ConsumerPosition>> reset_positions(std::string consumer,
                                                                From from) = 0;
  virtual Result<uint64_t> commit(Commit request) = 0;

  // `exists` if it is there with other settings; with the same ones this changes nothing.
  virtual Result<ConsumerInfo> create_consumer(std::string name, ConsumerSettings settings) = 0;
  virtual Status delete_consumer(std::string name) = 0;
  virtual Result<ConsumerInfo> reset_consumer(std::string name, From from) = 0;
  virtual Result<ConsumerInfo> describe_consumer(std::string name) = 0;
  virtual Result<ConsumerInfo> update_consumer(std::string name, ConsumerChange change) = 0;
  virtual Result<std::vector<ConsumerInfo>> consumers(std::string prefix, std::string after,
                                                      size_t limit) = 0;
  virtual Result<Joined> join(std::string consumer) = 0;
  virtual Status leave(std::string consumer, uint64_t epoch, bool untried) = 0;
  // Ends early with nothing, where it can, once Interrupt is raised.
  virtual Result<Fetched> fetch(Fetch request) = 0;
  virtual Result<Settled> settle(Settle request) = 0;
  virtual Result<Skipped> skip(Skip request) = 0;
  virtual Result<uint64_t> replay(std::string consumer, uint64_t limit) = 0;
  virtual Result<std::vector<DeadLetter>> dead_letters(std::string consumer, uint64_t from,
                                                       size_t limit) = 0;

  // --- API keys: JSON, as the API has it; what was just created or rotated has its secret.
  virtual Result<std::string> create_key(std::string name, std::vector<Grant> grants,
                                         std::optional<std::chrono::seconds> lifetime,
                                         Quota quota) = 0;
  virtual Result<std::string> keys() = 0;
  virtual Result<std::string> key(std::string name) = 0;
  virtual Result<std::string> rotate_key(std::string name, std::chrono::seconds grace) = 0;
  virtual Result<std::string> revoke_key(std::string name) = 0;

  // Sizes, segments, counters: a JSON object.
  virtual Result<std::string> info() = 0;
};

// Why a command opens a log. A directory is read beside whatever runs there, or owned to be written
// and followed. Who is to write and finds no server is told that nothing was changed. Only what
// brings the first events or the first stream (`create`, otherwise as `write`) makes a log where
// there is none.
enum class Purpose { read, write, create, follow };

// Opens what the settings name. `invalid` is a mistake in the settings.
Result<std::unique_ptr<LogHandle>> connect(const Settings& settings, Purpose purpose);

}  // namespace strandline::tools
