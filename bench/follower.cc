#include "bench/follower.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "bench/workload.h"

namespace strandline::bench {

Follower::Follower(uint16_t port, std::string_view stream, std::string_view from, Format format)
    : Follower(port,
               std::string("/v1/streams/")
                   .append(stream)
                   .append("/events?follow=true&from=")
                   .append(from),
               format) {}

Follower::Follower(uint16_t port, std::string_view target, Format format, std::string_view method)
    : socket_(port), format_(format) {
  std::string request(method);
  request.append(" ").append(target).append(" HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: ");
  request.append(format == Format::frames ? schema::kBatchMediaType : "application/x-ndjson");
  socket_.write_all(request.append("\r\n\r\n"));
}

void Follower::take(std::string_view bytes) {
  while (!bytes.empty()) {
    if (part_ == Part::chunk) {
      const size_t here = std::min<uint64_t>(bytes.size(), chunk_left_);
      take_body(bytes.substr(0, here));
      bytes.remove_prefix(here);
      chunk_left_ -= here;
      if (chunk_left_ == 0) part_ = Part::chunk_end;
      continue;
    }
    // Everything else is lines.
    const size_t end = bytes.find('\n');
    line_.append(bytes.substr(0, end));
    if (end == std::string_view::npos) return;
    bytes.remove_prefix(end + 1);
    if (part_ == Part::head) {
      if (line_.starts_with("HTTP/1.1 ") && !line_.starts_with("HTTP/1.1 200")) {
        throw Failure("a follower was answered " + line_ + std::string(bytes));
      }
      if (line_ == "\r") part_ = Part::chunk_size;
    } else if (part_ == Part::chunk_size) {
      chunk_left_ = std::strtoull(line_.c_str(), nullptr, 16);
      if (chunk_left_ == 0) throw Failure("the server ended the stream");
      part_ = Part::chunk;
    } else {
      part_ = Part::chunk_size;
    }
    line_.clear();
  }
}

void Follower::take_body(std::string_view bytes) {
  bytes_ += bytes.size();
  if (format_ == Format::lines) {
    events_ += static_cast<uint64_t>(std::count(bytes.begin(), bytes.end(), '\n'));
    return;
  }
  while (!bytes.empty()) {
    if (head_bytes_ < sizeof frame_) {
      const size_t here = std::min(bytes.size(), sizeof frame_ - head_bytes_);
      std::memcpy(reinterpret_cast<char*>(&frame_) + head_bytes_, bytes.data(), here);
      bytes.remove_prefix(here);
      head_bytes_ += here;
      if (head_bytes_ < sizeof frame_) return;
      if (frame_.bytes != schema::frame_bytes(frame_.name_bytes, frame_.payload_bytes)) {
        throw Failure("a frame whose lengths disagree");
      }
      frame_left_ = frame_.bytes - sizeof frame_;
    }
    const size_t here = std::min<uint64_t>(bytes.size(), frame_left_);
    bytes.remove_prefix(here);
    frame_left_ -= here;
    if (frame_left_ > 0) return;
    head_bytes_ = 0;
    if (frame_.kind == schema::FrameKind::gap) throw Failure("a gap where nothing was removed");
    if (frame_.kind != schema::FrameKind::batch) continue;
    if (next_ != UINT64_MAX && frame_.first != next_) {
      throw Failure("offset " + std::to_string(frame_.first) + " where " + std::to_string(next_) +
                    " comes next");
    }
    next_ = frame_.first + frame_.count;
    events_ += frame_.count;
  }
}

}  // namespace strandline::bench
