// Named consumers over HTTP: a group of four members that fetch and ack in batches of 100, beside
// XREADGROUP and XACK of redis-server with an fsync before each answer; and an exclusive consumer's
// stream, beside a plain follower's of the same history.
//
// On both sides a member has one connection, and what it acks goes with its next request: a member
// of "ack" in ours, an XACK in front of the XREADGROUP in Redis's pipeline.
#include <atomic>
#include <cstring>
#include <thread>

#include "bench/filled_log.h"
#include "bench/follower.h"
#include "bench/load.h"
#include "bench/makers.h"
#include "bench/payload.h"
#include "bench/process.h"
#include "bench/redis.h"
#include "bench/served.h"
#include "schemas/frame.h"

namespace strandline::bench {
namespace {

constexpr int kMembers = 4;
constexpr size_t kAnswerBytes = 256 << 10;

// What one answer to a fetch gave.
struct Given {
  std::string acks;  // as JSON ranges
  uint64_t events = 0;
  std::string epoch;
};

class Member {
 public:
  Member(uint16_t port, std::string consumer) : socket_(port), consumer_(std::move(consumer)) {}

  // Events of this fetch; the ones of the last are acked with it.
  uint64_t fetch() {
    std::string body = "{\"max\":100";
    if (!last_.epoch.empty()) body += ",\"epoch\":" + last_.epoch;
    if (!last_.acks.empty()) body += ",\"ack\":[" + last_.acks + "]";
    body += "}";
    socket_.write_all("POST /v1/consumers/" + consumer_ +
                      "/fetch HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                      "Accept: " +
                      schema::kBatchMediaType +
                      "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    answer_.clear();
    size_t whole = 0;
    while ((whole = http_answer(answer_)) == 0) {
      const size_t had = answer_.size();
      answer_.resize(had + kAnswerBytes);
      answer_.resize(had + socket_.read_some(answer_.data() + had, kAnswerBytes));
    }
    take(std::string_view(answer_).substr(0, whole));
    return last_.events;
  }

 private:
  void take(std::string_view answer) {
    const size_t head_end = answer.find("\r\n\r\n") + 4;
    constexpr std::string_view kEpoch = "Strandline-Epoch: ";
    const size_t at = answer.find(kEpoch);
    if (at >= head_end) throw Failure("an answer without an epoch");
    const size_t from = at + kEpoch.size();
    last_ = {.epoch = std::string(answer.substr(from, answer.find('\r', from) - from))};
    std::string_view body = answer.substr(head_end);
    while (body.size() >= sizeof(schema::FrameHead)) {
      schema::FrameHead head;
      std::memcpy(&head, body.data(), sizeof head);
      if (head.kind == schema::FrameKind::batch) {
        if (!last_.acks.empty()) last_.acks += ',';
        last_.acks +=
            "[" + std::to_string(head.first) + "," + std::to_string(head.first + head.count) + "]";
        last_.events += head.count;
      }
      body.remove_prefix(head.bytes);
    }
  }

  Socket socket_;
  std::string consumer_;
  std::string answer_;
  Given last_;
};

class RedisMember {
 public:
  RedisMember(uint16_t port, std::string name) : socket_(port), name_(std::move(name)) {}

  uint64_t fetch() {
    std::string request;
    const bool acks = !ids_.empty();
    if (acks) {
      std::vector<std::string_view> ack{"XACK", "work-0", "group"};
      ack.insert(ack.end(), ids_.begin(), ids_.end());
      request = redis_command(ack);
    }
    request += redis_command(
        {"XREADGROUP", "GROUP", "group", name_, "COUNT", "100", "STREAMS", "work-0", ">"});
    socket_.write_all(request);
    std::vector<std::string> ids;
    RedisRange range(RedisRange::Of::streams, &ids);
    std::string bytes;
    bool acked = !acks;
    while (!range.whole()) {
      bytes.resize(kAnswerBytes);
      bytes.resize(socket_.read_some(bytes.data(), kAnswerBytes));
      std::string_view rest = bytes;
      if (!acked) {  // the XACK's count comes first, on a line of its own
        const size_t end = rest.find("\r\n");
        if (rest.front() != ':' || end == std::string_view::npos) {
          throw Failure("redis answered XACK with " + std::string(rest.substr(0, 60)));
        }
        rest.remove_prefix(end + 2);
        acked = true;
      }
      if (rest.starts_with("*-1")) break;  // there are no more
      if (!rest.empty()) range.take(rest);
    }
    ids_ = std::move(ids);
    return ids_.size();
  }

 private:
  Socket socket_;
  std::string name_;
  std::vector<std::string> ids_;
};

// Until they have had all of it, and acked it. Events a second.
template <class MakeMember>
double work(uint64_t events, MakeMember make) {
  std::atomic<uint64_t> given{0};
  std::exception_ptr failure;
  std::mutex mutex;  // guards failure
  const double begin = now_s();
  {
    std::vector<std::jthread> threads;
    for (int m = 0; m < kMembers; ++m) {
      threads.emplace_back([&, m] {
        try {
          auto member = make(m);
          while (given < events) given += member.fetch();
          member.fetch();  // the last acks
        } catch (...) {
          const std::lock_guard lock(mutex);
          failure = std::current_exception();
          given = events;
        }
      });
    }
  }
  const double seconds = now_s() - begin;
  if (failure) std::rethrow_exception(failure);
  if (given != events) throw Failure("some events were given twice, or never");
  return static_cast<double>(events) / seconds;
}

class Consumers : public Workload {
 public:
  explicit Consumers(const Settings& settings)
      : Workload({Row{.name = "server-consumer-shared",
                      .unit = "events/s",
                      .what = "a shared consumer, 4 members, fetched and acked by 100",
                      .yardstick = "redis-server XREADGROUP, XACK",
                      .bar = Bar{2}},
                  Row{.name = "server-consumer-exclusive",
                      .unit = "events/s",
                      .what = "an exclusive consumer's stream",
                      .yardstick = "a plain follower",
                      .bar = Bar{0.9}}}),
        settings_(settings),
        scratch_(settings.directory, "consumers"),
        events_(settings.size<uint64_t>(500'000, 2'000)),
        buffer_(kAnswerBytes, '\0') {
    const auto data = scratch_.path() / "log";
    {
      auto log = must(Log::open(data), "open");
      fill(*log, {.stream_prefix = "work-", .events = events_});
      if (!settings.tiny) wait_until_still(data);
    }
    served_ = std::make_unique<Served>(data);
    if (const auto why = Redis::absent(settings_)) {
      rows_[0].yardstick = *why;
      return;
    }
    redis_ = std::make_unique<Redis>(settings_, "always");
    const std::string adds = redis_adds("work-0", 0, 100);
    Socket socket(redis_->port());
    for (uint64_t added = 0; added < events_; added += 100) {
      socket.write_all(adds);
      std::string answers;
      for (size_t seen = 0, whole = 0; seen < 100;) {
        if ((whole = redis_answer(answers)) > 0) {
          answers.erase(0, whole);
          ++seen;
          continue;
        }
        answers.append(buffer_.data(), socket.read_some(buffer_.data(), buffer_.size()));
      }
    }
  }

  void round(int number) override {
    const std::string name = std::to_string(number);
    alternate(
        number,
        [&] {
          create("shared-" + name, "shared");
          rows_[0].ours.push_back(
              work(events_, [&](int) { return Member(served_->port(), "shared-" + name); }));
        },
        [&] {
          if (!redis_) return;
          Socket socket(redis_->port());
          socket.write_all(redis_command({"XGROUP", "DESTROY", "work-0", "group"}) +
                           redis_command({"XGROUP", "CREATE", "work-0", "group", "0"}));
          for (std::string answers; !answers.ends_with("+OK\r\n");) {
            answers.append(buffer_.data(), socket.read_some(buffer_.data(), buffer_.size()));
          }
          rows_[0].theirs.push_back(work(events_, [&](int m) {
            return RedisMember(redis_->port(), "m" + std::to_string(m));
          }));
        });
    create("exclusive-" + name, "exclusive");
    alternate(
        number,
        [&] {
          rows_[1].ours.push_back(follow("/v1/consumers/exclusive-" + name + "/events", "POST"));
        },
        [&] {
          rows_[1].theirs.push_back(follow("/v1/streams/work-0/events?follow=true&from=earliest"));
        });
  }

 private:
  void create(const std::string& consumer, const std::string& mode) {
    Socket socket(served_->port());
    const std::string body = "{\"mode\":\"" + mode + "\",\"stream\":\"work-0\"}";
    socket.write_all("PUT /v1/consumers/" + consumer +
                     " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                     "Content-Length: " +
                     std::to_string(body.size()) + "\r\n\r\n" + body);
    std::string answer;
    while (http_answer(answer) == 0) {
      answer.append(buffer_.data(), socket.read_some(buffer_.data(), buffer_.size()));
    }
  }

  double follow(const std::string& target, std::string_view method = "GET") {
    const double begin = now_s();
    Follower follower(served_->port(), target, Follower::Format::frames, method);
    while (follower.events() < events_) {
      const size_t got = follower.socket().read_some(buffer_.data(), buffer_.size());
      follower.take({buffer_.data(), got});
    }
    return static_cast<double>(events_) / (now_s() - begin);
  }

  const Settings settings_;
  Scratch scratch_;
  const uint64_t events_;
  std::string buffer_;
  std::unique_ptr<Served> served_;
  std::unique_ptr<Redis> redis_;
};

}  // namespace

std::unique_ptr<Workload> server_consumers(const Settings& settings) {
  return std::make_unique<Consumers>(settings);
}

}  // namespace strandline::bench
