// Takes an input apart: a few bytes that choose, then the text. Past the end there are zeros, so
// that every input means something.
#pragma once

#include <cstdint>
#include <string_view>

namespace strandline::fuzz {

class Input {
 public:
  explicit Input(std::string_view bytes) : rest_(bytes) {}

  uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto taken = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return taken;
  }
  uint64_t number(size_t bytes) {  // little-endian
    uint64_t taken = 0;
    for (size_t i = 0; i < bytes; ++i) taken |= uint64_t{byte()} << (8 * i);
    return taken;
  }
  // What stands before the separator, which goes as well; all, if there is none.
  std::string_view up_to(char separator) {
    const size_t end = rest_.find(separator);
    const std::string_view taken = rest_.substr(0, end);
    rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
    return taken;
  }
  std::string_view take(size_t bytes) {
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

}  // namespace strandline::fuzz
