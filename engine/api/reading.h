// What to read, and from where: the parameters of Log::read and Log::subscribe.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/types.h"

namespace strandline {

// Which streams a reader follows. One stream is read by offset; all others by sequence.
struct Selection {
  enum class Kind { stream, list, prefix, all };
  Kind kind = Kind::all;
  std::vector<std::string> names = {};  // one for stream and prefix, any number for list

  static Selection stream(std::string name) { return {Kind::stream, {std::move(name)}}; }
  static Selection list(std::vector<std::string> names) { return {Kind::list, std::move(names)}; }
  static Selection prefix(std::string prefix) { return {Kind::prefix, {std::move(prefix)}}; }
  static Selection all() { return {}; }
};

// Where to begin. A position is an offset or a sequence, as the selection has it.
struct From {
  enum class Kind { position, earliest, latest, last, time };
  Kind kind = Kind::earliest;
  uint64_t number = 0;    // the position, or how many
  Timestamp moment = {};  // the first event stored at or after it

  static From position(uint64_t position) { return {Kind::position, position, {}}; }
  static From offset(Offset offset) { return position(offset.value); }
  static From sequence(Sequence sequence) { return position(sequence.value); }
  static From earliest() { return {}; }
  static From latest() { return {Kind::latest, 0, {}}; }
  // Of those that the reader will be given: of its streams, and of those that its filter takes.
  static From last(uint64_t events) { return {Kind::last, events, {}}; }
  static From time(Timestamp moment) { return {Kind::time, 0, moment}; }
};

// Matches a text of an event, such as its type: exactly, or by a prefix that ends in `*`
// ("order.*"); several are alternatives, none matches everything. A backslash before `*`, `,` or
// another backslash takes that character as it is: "a\*" is the text that ends in a star.
class TextFilter {
 public:
  struct Pattern {
    std::string text;
    bool prefix = false;
  };

  TextFilter() = default;
  TextFilter(const std::vector<std::string>& patterns) {
    for (const std::string& pattern : patterns) patterns_.push_back(parse(pattern));
  }

  bool empty() const { return patterns_.empty(); }
  const std::vector<Pattern>& patterns() const { return patterns_; }
  bool matches(std::string_view text) const {
    if (patterns_.empty()) return true;
    for (const Pattern& pattern : patterns_) {
      if (pattern.prefix ? text.starts_with(pattern.text) : text == pattern.text) return true;
    }
    return false;
  }

 private:
  static Pattern parse(std::string_view written) {
    Pattern pattern;
    for (size_t i = 0; i < written.size(); ++i) {
      const bool last = i + 1 == written.size();
      if (written[i] == '*' && last) {
        pattern.prefix = true;
        break;
      }
      const bool escapes =
          written[i] == '\\' && !last &&
          (written[i + 1] == '*' || written[i + 1] == ',' || written[i + 1] == '\\');
      pattern.text += written[escapes ? ++i : i];
    }
    return pattern;
  }

  std::vector<Pattern> patterns_;
};

// Which events a reader is given: those that both take. An event that has no subject is taken by
// no filter of subjects, not even by `*`.
struct EventFilter {
  TextFilter types = {};
  TextFilter subjects = {};

  bool empty() const { return types.empty() && subjects.empty(); }
  bool matches(std::string_view type, std::string_view subject) const {
    return types.matches(type) &&
           (subjects.empty() || (!subject.empty() && subjects.matches(subject)));
  }
};

// Below it are the streams of dead letters, unless a consumer names another.
inline constexpr std::string_view kDeadLetterPrefix = "dead-letters/";

struct ReadOptions {
  // A consumer's (consumer.h): streams that were deleted since are read too, as the gap they are;
  // what the file system fails to read is an error, io, and not a gap that is passed; and where
  // several streams are read, one is left out, its dead letters', and perhaps everybody's.
  bool deleted_too = false;
  bool io_fails = false;
  std::string except = {};
  bool no_dead_letters = false;
  // Where several streams are read: which of them by name, besides what is selected; nothing: all.
  // What it leaves out shows in nothing that is read but jumps of the sequence.
  std::function<bool(std::string_view)> visible = {};
  Selection select = {};
  From from = {};
  TextFilter types = {};
  TextFilter subjects = {};
  uint64_t events_max = std::numeric_limits<uint64_t>::max();  // to deliver; Log::read only
  // Of stored batches to read: the cursor ends at or after this many; Log::read only.
  uint64_t bytes_max = std::numeric_limits<uint64_t>::max();
  // Newest first, from just below `from` (latest, the default here, or a position) down to the
  // start; of one stream; Log::read only.
  bool backward = false;

  EventFilter filter() const { return {types, subjects}; }
};

}  // namespace strandline
