#include "tests/support/http/sse_reader.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <stdexcept>

#include "engine/api/rfc3339.h"
#include "tests/support/http/json.h"
#include "tests/support/log/payload.h"

namespace strandline::tests {
namespace {

// Bytes up to the line's end go onto `line`; false if it has not come.
bool take_line(std::string_view& bytes, std::string& line) {
  const size_t end = bytes.find('\n');
  line.append(bytes.substr(0, end));
  bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
  if (end == std::string_view::npos) return false;
  if (line.ends_with('\r')) line.pop_back();
  return true;
}

int64_t lag_us(std::string_view data) {
  constexpr std::string_view kMember = "\"stored\":\"";
  const size_t at = data.find(kMember);
  if (at == std::string_view::npos) throw std::runtime_error("an event without stored");
  const std::string_view rest = data.substr(at + kMember.size());
  const auto stored = parse_time(rest.substr(0, rest.find('"')));
  if (!stored) throw std::runtime_error("stored is no time");
  using namespace std::chrono;
  const auto now = duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
  return now - stored->us;
}

}  // namespace

bool SeenEvents::check(uint64_t offset, std::string_view data) {
  const uint64_t hash = std::hash<std::string_view>{}(data);
  if (offset < hashes_.size()) {
    if (hashes_[offset] != hash) throw std::runtime_error("an event that others saw otherwise");
  } else if (offset == hashes_.size()) {
    const Json event = Json::parse(std::string(data));
    if (event["type"].str() == "end") {
      end_ = offset;
    } else if (const std::string wrong = difference(stream_, event); !wrong.empty()) {
      throw std::runtime_error(wrong);
    }
    hashes_.push_back(hash);
  } else {
    throw std::runtime_error("offset " + std::to_string(offset) + " before " +
                             std::to_string(hashes_.size()));
  }
  return offset == end_;
}

void SseReader::take(std::string_view bytes) {
  while (!bytes.empty()) {
    if (part_ == Part::chunk) {
      const size_t here = std::min<uint64_t>(bytes.size(), chunk_left_);
      take_text(bytes.substr(0, here));
      bytes.remove_prefix(here);
      chunk_left_ -= here;
      if (chunk_left_ == 0) part_ = Part::chunk_end;
      continue;
    }
    if (!tests::take_line(bytes, http_line_)) return;
    if (part_ == Part::head) {
      if (http_line_.starts_with("HTTP/") && !http_line_.starts_with("HTTP/1.1 200")) {
        throw std::runtime_error("a follower was answered " + http_line_);
      }
      if (http_line_.empty()) part_ = Part::size;
    } else if (part_ == Part::size) {
      chunk_left_ = std::strtoull(http_line_.c_str(), nullptr, 16);
      if (chunk_left_ == 0) throw std::runtime_error("the server ended a stream");
      part_ = Part::chunk;
    } else {
      part_ = Part::size;
    }
    http_line_.clear();
  }
}

void SseReader::take_text(std::string_view text) {
  open_ = true;
  while (!text.empty()) {
    if (!tests::take_line(text, text_line_)) return;
    take_line(text_line_);
    text_line_.clear();
  }
  // Thousands of these are idle at once: none keeps the room of its longest line.
  if (text_line_.empty()) text_line_.shrink_to_fit();
}

void SseReader::take_line(std::string_view line) {
  if (line.starts_with("id: ")) {
    id_ = std::strtoull(line.data() + 4, nullptr, 10);
  } else if (line.starts_with("event: strandline.gap")) {
    throw std::runtime_error("a gap");
  } else if (line.starts_with("data: ")) {
    if (id_ != next_) {
      throw std::runtime_error("offset " + std::to_string(id_) + " where " + std::to_string(next_) +
                               " was due");
    }
    const std::string_view data = line.substr(6);
    ended_ = seen_.check(next_++, data);
    lag_us_ = std::max(lag_us_, lag_us(data));
  }
}

}  // namespace strandline::tests
