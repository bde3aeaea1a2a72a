// JSON, read for comparing: a missing member is a null one, so that a test can look anywhere.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace strandline::tests {

class Json {
 public:
  // Throws, with the text, if it is not JSON.
  static Json parse(const std::string& text);

  Json operator[](const char* member) const;
  Json operator[](size_t index) const;  // null past the end
  Json operator[](int index) const { return (*this)[static_cast<size_t>(index)]; }
  size_t size() const;  // of an array or an object; 0 of anything else
  bool is_null() const;
  bool is_array() const;
  bool has(const char* member) const;
  std::string str() const;   // of a string; throws otherwise
  uint64_t number() const;   // of an unsigned integer; throws otherwise
  std::string text() const;  // written out again, compactly

 private:
  struct Value;
  std::shared_ptr<const Value> value_;
};

// The event that payload.h says this stream has under this id, as a client would send it.
std::string json_event(const std::string& stream, const std::string& id);
// An array of those of the offsets [first, first + count).
std::string json_events(const std::string& stream, uint64_t first, uint64_t count);

// What is wrong with an event that a server rendered, by payload.h; nothing if it is right.
std::string difference(const std::string& stream, const Json& event);

}  // namespace strandline::tests
