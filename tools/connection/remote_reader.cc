// Frames off a connection: a page after the other up to the tail as it stood, or one that follows.
#include <fmt/format.h>

#include <chrono>

#include "engine/api/event_rules.h"
#include "schemas/frame.h"
#include "tools/base/clip.h"
#include "tools/base/place.h"
#include "tools/connection/remote_log.h"

namespace strandline::tools {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kPagePatience{60'000};
// A server sends a follower a position every 15 s, if nothing else.
constexpr milliseconds kSilenceMax{60'000};
constexpr uint64_t kPageEvents = 10'000;

class RemoteReader : public Reader {
 public:
  RemoteReader(const Url& url, ReadRequest request)
      : url_(url),
        request_(std::move(request)),
        by_offset_(request_.select.kind == Selection::Kind::stream) {
    if (request_.from.kind == From::Kind::position && !request_.backward) {
      position_ = request_.from.number;
    }
  }

  Status start() {
    finished_ = request_.events_max == 0 && !request_.follow;
    return finished_ ? Status() : ask();
  }

  Result<std::optional<Delivery>> next(milliseconds patience) override {
    while (true) {
      if (auto delivery = parse()) {
        if (!*delivery) return std::unexpected(delivery->error());
        return std::optional<Delivery>(std::move(**delivery));
      }
      if (finished_) return std::optional<Delivery>();
      auto more = connection_->receive_some(input_, request_.follow ? patience : kPagePatience);
      if (!more) return std::unexpected(more.error());
      if (*more == HttpConnection::More::nothing) {
        const auto silence = steady_clock::now() - heard_;
        if (request_.follow && silence < kSilenceMax) return std::optional<Delivery>();
        return fail(Code::io, fmt::format("{} has fallen silent", url_.text));
      }
      heard_ = steady_clock::now();
      if (*more == HttpConnection::More::end) {
        if (auto turned = turn_page(); !turned) return std::unexpected(turned.error());
      }
    }
  }

  std::optional<uint64_t> position() const override { return position_; }

 private:
  Status ask() {
    if (!connection_) {
      auto opened = HttpConnection::open(url_);
      if (!opened) return std::unexpected(opened.error());
      connection_.emplace(std::move(*opened));
    }
    Query query;
    std::string path = "/v1/all/events";
    switch (request_.select.kind) {
      case Selection::Kind::stream:
        path = "/v1/streams/" + encode(request_.select.names.at(0)) + "/events";
        break;
      case Selection::Kind::list:
        for (const std::string& name : request_.select.names) query.add("stream", name);
        break;
      case Selection::Kind::prefix:
        query.add("prefix", request_.select.names.at(0));
        break;
      case Selection::Kind::all:
        break;
    }
    query.add("from", position_ ? std::to_string(*position_) : render_from(request_.from));
    for (const std::string& type : request_.types) query.add("type", type);
    for (const std::string& subject : request_.subjects) query.add("subject", subject);
    if (request_.follow) {
      query.add("follow", "true");
      if (request_.wait) query.add("wait", "true");
    } else {
      query.add("limit", std::to_string(std::min(request_.events_max, kPageEvents)));
    }
    if (request_.backward) query.add("direction", "backward");
    auto sent =
        connection_->send({.target = path + query.text(), .accept = schema::kBatchMediaType});
    if (!sent) return sent;
    auto head = connection_->receive_head();
    if (!head) return std::unexpected(head.error());
    if (!head->ok()) return std::unexpected(error_of(*head));
    next_ = head->number("Strandline-Next");
    start_ = head->number("Strandline-Start").value_or(0);
    if (!end_) end_ = head->number("Strandline-Tail");
    return {};
  }

  // A page is over: asks for the next one, unless all has been read.
  Status turn_page() {
    if (!input_.empty()) return fail(Code::io, fmt::format("{}: an incomplete frame", url_.text));
    if (request_.follow) {
      return fail(Code::io, fmt::format("{} ended the stream", url_.text));
    }
    if (!next_ || !end_) {
      return fail(Code::io, fmt::format("{}: a page without Strandline-Next and -Tail", url_.text));
    }
    if (request_.backward) {
      finished_ = request_.events_max == 0 || *next_ <= start_;
    } else {
      finished_ = request_.events_max == 0 || *next_ >= *end_;
    }
    position_ = *next_;
    return finished_ ? Status() : ask();
  }

  // The next frame of the input, if it is there whole.
  std::optional<Result<Delivery>> parse() {
    const auto frame = schema::parse_frame(std::string_view(input_).substr(parsed_));
    if (!frame) {
      // What has been parsed is dropped here, where nothing points into it any more.
      input_.erase(0, parsed_);
      parsed_ = 0;
      return std::nullopt;
    }
    parsed_ += frame->head.bytes;
    auto delivery = decode(*frame);
    if (delivery && !request_.follow && !request_.backward) clip(*delivery, *end_, by_offset_);
    return delivery;
  }

  Result<Delivery> decode(const schema::Frame& frame) {
    const schema::FrameHead& head = frame.head;
    switch (head.kind) {
      case schema::FrameKind::batch: {
        auto batch = Batch::verified(std::string(frame.payload), limits_of_stored());
        if (!batch) return std::unexpected(batch.error());
        if (batch->count() != head.count) return fail(Code::io, "a frame's count is wrong");
        batch_.emplace(std::move(*batch));
        if (request_.backward) {
          position_ = head.first;
        } else {
          position_ = (by_offset_ ? head.first : head.sequence) + head.count;
        }
        request_.events_max -= std::min<uint64_t>(request_.events_max, head.count);
        stream_ = frame.name;
        return Events(stream_, batch_->bytes(), head.count, 0, head.count, Offset(head.first),
                      Sequence(head.sequence), Timestamp{head.stored_us}, request_.backward);
      }
      case schema::FrameKind::gap:
        position_ = request_.backward ? head.first : head.sequence;
        return Gap{.stream = std::string(frame.name),
                   .from = head.first,
                   .to = head.sequence,
                   .reason = static_cast<GapReason>(head.reason),
                   .detail = std::string(frame.payload)};
      case schema::FrameKind::position:
        position_ = head.first;
        return Moved{};
      case schema::FrameKind::end:
        return fail(Code::invalid,
                    fmt::format("{} ended the stream: {}", url_.text, frame.payload));
    }
    return fail(Code::io, fmt::format("a frame of unknown kind {}", static_cast<int>(head.kind)));
  }

  const Url url_;
  ReadRequest request_;  // events_max: still to come
  const bool by_offset_;
  std::optional<HttpConnection> connection_;
  std::optional<uint64_t> position_;
  std::optional<uint64_t> next_;  // of this page
  uint64_t start_ = 0;
  std::optional<uint64_t> end_;  // the tail as it stood at first
  bool finished_ = false;
  steady_clock::time_point heard_ = steady_clock::now();
  std::string input_;  // frames from parsed_ on
  size_t parsed_ = 0;
  std::optional<Batch> batch_;  // the last delivery's
  std::string stream_;
};

}  // namespace

Result<std::unique_ptr<Reader>> read_remote(const Url& url, const ReadRequest& request) {
  auto reader = std::make_unique<RemoteReader>(url, request);
  if (auto started = reader->start(); !started) return std::unexpected(started.error());
  return reader;
}

}  // namespace strandline::tools
