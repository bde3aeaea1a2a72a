// Reads JSON text (RFC 8259), token by token, and checks the whole of its grammar on the way.
//
// A number is any that RFC 8259 allows, of any size: it stays text. A string is UTF-8 of characters
// only: no escape is half of a surrogate pair. Nesting costs a bit of heap for each level, and no
// stack; how deep a text may nest is its caller's rule (`level_max`). *Memory*: a view of the text.
// *Errors*: `error` as the last token, with a sentence and a place. *Threads*: one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace strandline {

enum class JsonToken : uint8_t {
  end,    // of the text, after one whole value
  error,  // from here on always
  null,
  boolean,
  number,
  string,
  name,  // a member's
  object_begin,
  object_end,
  array_begin,
  array_end,
};

class JsonScanner {
 public:
  explicit JsonScanner(std::string_view text) : text_(text) {}

  JsonToken next();

  // The last token: [begin, end) in the text; strings and names with their quotes.
  size_t begin() const { return begin_; }
  size_t end() const { return at_; }
  std::string_view text() const { return text_.substr(begin_, at_ - begin_); }
  bool escaped() const { return escaped_; }  // of a string or a name: it has escapes
  // How many objects and arrays are open after the last token, and at most so far.
  size_t level() const { return open_.size(); }
  size_t level_max() const { return level_max_; }
  // After an error: what is wrong, and at which byte.
  const std::string& problem() const { return problem_; }
  size_t problem_at() const { return at_; }

 private:
  enum class Wanted : uint8_t { value, value_or_end, name, name_or_end, colon, comma_or_end, end };

  JsonToken fail(std::string why);
  JsonToken value(char c);
  JsonToken closed(JsonToken token);
  JsonToken word(std::string_view word, JsonToken token);
  JsonToken number();
  JsonToken string(JsonToken token);
  bool escape();
  bool hex(uint32_t& unit);
  size_t digits();
  void skip_space();
  JsonToken done(JsonToken token) {
    wanted_ = open_.empty() ? Wanted::end : Wanted::comma_or_end;
    return token;
  }

  std::string_view text_;
  size_t begin_ = 0;
  size_t at_ = 0;
  bool escaped_ = false;
  Wanted wanted_ = Wanted::value;
  std::vector<bool> open_;  // true: an object
  size_t level_max_ = 0;
  std::string problem_;
};

// What stands between a string's quotes, with its escapes undone. Needs a string that was scanned.
std::string unescape_json(std::string_view inside);

}  // namespace strandline
