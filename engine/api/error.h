// How a call fails: a code for programs and a sentence for people, which says what was wrong,
// where, and what is allowed. Errors are values. A broken invariant is a bug instead, and aborts
// (check.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>

namespace strandline {

enum class Code {
  invalid,             // the input breaks a rule that the message states; nothing was applied
  not_found,           // no such stream, or no such position
  exists,              // what was to be created is there already
  conflict,            // a condition did not hold; `current` says what does
  too_large,           // over a limit that the message names
  out_of_range,        // a position outside [start, tail]; `available` says which are
  busy,                // a queue is full: the same call may succeed later; nothing was applied
  sealed,              // a write failed, or the directory is gone: reads go on, appends do not
  fenced,              // a newer epoch has taken over; `current` is that epoch
  out_of_order,        // a producer's sequence is not its next, which is `current`
  reused,              // an idempotency key that stands for another request
  in_flight,           // the first request with this idempotency key is not answered yet
  limit,               // a bound that the message names is reached; nothing was applied
  disk_full,           // free space is under the reserve; nothing was applied
  outcome_unknown,     // the log failed while this was under way: there once, or not at all
  corrupt,             // stored bytes do not match their checksum, or are not there
  locked,              // another process owns the directory
  unsupported_format,  // a format version that this build does not know
  read_only,           // opened as an observer
  closed,              // the log is closing
  inaccessible,        // withheld: by the system a file (access.h), by a server what is asked for
  io,                  // the operating system refused
};
inline constexpr size_t kCodes = static_cast<size_t>(Code::io) + 1;

// "not-found" and so on, as the server's problems and the command line print it.
const char* name_of(Code code);

struct Available {
  uint64_t start;  // first position still kept
  uint64_t tail;   // first position not yet durable: the range is half-open
};

struct Error {
  Code code;
  std::string message;
  // With conflict: the next offset, or the position. With fenced: the epoch. With out_of_order: the
  // sequence that was expected.
  std::optional<uint64_t> current = {};
  std::optional<Available> available = {};  // with out_of_range
};

template <class T>
using Result = std::expected<T, Error>;
using Status = std::expected<void, Error>;

inline std::unexpected<Error> fail(Code code, std::string message) {
  return std::unexpected(Error{.code = code, .message = std::move(message)});
}

}  // namespace strandline
