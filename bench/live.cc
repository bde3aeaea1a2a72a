// One producer and a crowd that hears one channel: WebSockets, beside followers of server-sent
// events of the same server, and beside Redis' pub/sub. Each event has one marker byte, which a
// client counts: so all clients cost the same, and little.
//
// As in fan_out.cc, the producer never has more under way than the crowd is, on average, behind.
#include "server/live/live.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "bench/load.h"
#include "bench/makers.h"
#include "bench/process.h"
#include "bench/redis.h"
#include "bench/served.h"
#include "bench/socket.h"
#include "engine/log.h"
#include "server/base/secret.h"
#include "server/base/secret_file.h"
#include "server/json/json_writer.h"

namespace strandline::bench {
namespace {

constexpr char kChannel[] = "channel";
constexpr uint64_t kCrowdBehindMax = 64;  // events, an average client
constexpr int kProducing = 64;            // appends under way
constexpr char kMarker = '~';

std::string live_event_body() {
  return R"({"type":"tick","data":{"text":"~)" + std::string(180, 'x') + R"("}})";
}

// What a client says first, and what it is told when it is served.
struct Greeting {
  std::string first;
  std::string served;
};

class Hearers {
 public:
  Hearers(uint16_t port, size_t count, const Greeting& greeting)
      : Hearers(port, count, [&](size_t) { return greeting; }) {}
  Hearers(uint16_t port, size_t count, const std::function<Greeting(size_t)>& greet)
      : fd_(epoll_create1(EPOLL_CLOEXEC)), buffer_(64 << 10, '\0') {
    sockets_.reserve(count);
    for (size_t i = 0; i < count; ++i) {
      const Greeting greeting = greet(i);
      Socket& socket = sockets_.emplace_back(port);
      socket.write_all(greeting.first);
      std::string told;
      while (!told.contains(greeting.served)) {
        told.append(buffer_.data(), socket.read_some(buffer_.data(), buffer_.size()));
      }
      socket.make_nonblocking();
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = i;
      epoll_ctl(fd_, EPOLL_CTL_ADD, socket.fd(), &event);
    }
  }
  ~Hearers() { close(fd_); }

  // Takes what there is; answers how many events that was.
  uint64_t take(int wait_ms) {
    epoll_event events[256];
    const int ready = epoll_wait(fd_, events, 256, wait_ms);
    uint64_t heard = 0;
    for (int e = 0; e < ready; ++e) {
      const size_t bytes = sockets_[events[e].data.u64].read_some(buffer_.data(), buffer_.size());
      heard += static_cast<uint64_t>(std::count(
          buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(bytes), kMarker));
    }
    return heard;
  }

 private:
  std::vector<Socket> sockets_;
  const int fd_;
  std::string buffer_;
};

// Sends the requests in turn for as long as that lasts, and no faster than each is heard by as many
// as `crowd`; answers deliveries a second.
double fan_out_rate(uint16_t port, Hearers& hearers, size_t crowd,
                    const std::vector<std::string>& requests, AnswerBytes answer_bytes,
                    double seconds) {
  std::atomic<uint64_t> sent = 0, heard = 0;
  std::atomic<bool> produced = false;
  std::string broken;
  std::jthread producer([&] {
    try {
      Socket socket(port);
      std::string unread;
      char bytes[16 << 10];
      int under_way = 0;
      const double end = now_s() + seconds;
      const auto read_answers = [&] {
        unread.append(bytes, socket.read_some(bytes, sizeof bytes));
        while (const size_t answer = answer_bytes(unread)) {
          unread.erase(0, answer);
          --under_way;
        }
      };
      while (now_s() < end) {
        std::string burst;
        while (under_way < kProducing && sent * crowd < heard + kCrowdBehindMax * crowd) {
          burst += requests[sent++ % requests.size()];
          ++under_way;
        }
        socket.write_all(burst);
        if (under_way > 0) {
          read_answers();
        } else {
          std::this_thread::sleep_for(std::chrono::microseconds(50));
        }
      }
      while (under_way > 0) read_answers();
    } catch (const std::exception& e) {
      broken = e.what();
    }
    produced = true;
  });
  const double begin = now_s();
  while (!produced || heard < sent * crowd) {
    if (now_s() > begin + seconds + 60) {
      producer.join();
      throw Failure("not all events were heard " + broken);
    }
    heard += hearers.take(10);
  }
  const double took = now_s() - begin;
  producer.join();
  if (!broken.empty()) throw Failure(broken);
  return static_cast<double>(heard) / took;
}

// As a client sends it, with a mask of zeros.
std::string text_frame(const std::string& text) {
  std::string out = "\x81";
  if (text.size() < 126) {
    out += static_cast<char>(0x80 | text.size());
  } else {
    out += static_cast<char>(0x80 | 126);
    out += static_cast<char>(text.size() >> 8);
    out += static_cast<char>(text.size());
  }
  return out + std::string(4, '\0') + text;
}

std::string upgrade_request(const std::string& target) {
  return "GET " + target +
         " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: "
         "Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: "
         "13\r\n\r\n";
}

std::string websocket_request(const std::string& subscribe) {
  return upgrade_request("/v1/live") + text_frame(subscribe);
}

class LiveFanOut : public Workload {
 public:
  LiveFanOut(const Settings& settings, size_t crowd, const std::string& name)
      : Workload({Row{.name = "live-" + name,
                      .unit = "deliveries/s",
                      .what = "1 producer to " + name + " WebSockets of one channel",
                      .yardstick = "followers of server-sent events of the same server",
                      .bar = Bar{.value = 0.8}},
                  Row{.name = "live-" + name + "-redis",
                      .unit = "deliveries/s",
                      .what = "the same",
                      .yardstick = "redis-server, pub/sub",
                      .bar = Bar{.value = 1.5}}}),
        settings_(settings),
        crowd_(crowd) {
    rows_[0].note = "single events of 200 bytes in JSON, durable; " + std::to_string(crowd_) +
                    " clients on the same cores";
  }

  void round(int number) override {
    Scratch scratch(settings_.directory, "live");
    {
      auto log = must(Log::open(scratch.path() / "log"), "open");
      must(log->create_stream(kChannel), "create");
    }
    Served served(scratch.path() / "log");
    const std::vector<std::string> requests = {
        post_events(kChannel, "application/json", live_event_body())};
    const auto measure = [&](const Greeting& greeting) {
      Hearers hearers(served.port(), crowd_, greeting);
      return fan_out_rate(served.port(), hearers, crowd_, requests, http_answer, settings_.seconds);
    };
    alternate(
        number,
        [&] {
          rows_[0].ours.push_back(measure(
              {websocket_request(R"({"op":"subscribe","channel":"channel","from":"latest"})"),
               "caught_up"}));
        },
        [&] {
          rows_[0].theirs.push_back(
              measure({"GET /v1/streams/channel/events?from=latest HTTP/1.1\r\nHost: "
                       "localhost\r\nAccept: text/event-stream\r\n\r\n",
                       ": strandline"}));
        });
    rows_[1].ours.push_back(rows_[0].ours.back());
    if (const auto absent = Redis::absent(settings_)) {
      rows_[1].note = *absent;
      return;
    }
    const Redis redis(settings_, "no");
    Hearers hearers(redis.port(), crowd_,
                    {redis_command({"SUBSCRIBE", kChannel}), "subscribe\r\n"});
    const std::string body = live_event_body();
    rows_[1].theirs.push_back(fan_out_rate(redis.port(), hearers, crowd_,
                                           {redis_command({"PUBLISH", kChannel, body})},
                                           redis_answer, settings_.seconds));
  }

 private:
  const Settings settings_;
  const size_t crowd_;
};

// As many channels as clients, and each has one.
class LiveChannels : public Workload {
 public:
  explicit LiveChannels(const Settings& settings)
      : Workload({Row{.name = "live-channels",
                      .unit = "deliveries/s",
                      .what = "1 producer to 10,000 channels with a WebSocket each"}}),
        settings_(settings),
        channels_(settings.size<size_t>(10'000, 30)) {}

  void round(int) override {
    Scratch scratch(settings_.directory, "live");
    std::vector<std::string> requests;
    {
      auto log = must(Log::open(scratch.path() / "log"), "open");
      const std::string body = live_event_body();
      for (size_t i = 0; i < channels_; ++i) {
        must(log->create_stream(name_of_channel(i)), "create");
        requests.push_back(post_events(name_of_channel(i), "application/json", body));
      }
    }
    Served served(scratch.path() / "log");
    Hearers hearers(served.port(), channels_, [](size_t i) {
      return Greeting{
          websocket_request(R"({"op":"subscribe","channel":")" + name_of_channel(i) + "\"}"),
          "caught_up"};
    });
    rows_[0].ours.push_back(
        fan_out_rate(served.port(), hearers, 1, requests, http_answer, settings_.seconds));
  }

 private:
  static std::string name_of_channel(size_t i) { return "channel-" + std::to_string(i); }

  const Settings settings_;
  const size_t channels_;
};

// Users who join rooms of ten, each over a connection of its own, which is there already: until
// each has been told who is there.
class LivePresence : public Workload {
 public:
  explicit LivePresence(const Settings& settings)
      : Workload({Row{.name = "live-presence",
                      .unit = "joins/s",
                      .what = "users joining presence channels of 10, over WebSockets",
                      .bar = Bar{.value = 5'000, .of = Bar::Of::ours}}}),
        settings_(settings),
        users_(settings.size<size_t>(5'000, 30)) {
    rows_[0].note = "each with a signed token; who came is written down in $channels";
  }

  void round(int) override {
    Scratch scratch(settings_.directory, "live");
    {
      auto log = must(Log::open(scratch.path() / "log"), "open");
      must(log->create_key({.name = "admin",
                            .digest = server::digest_of_secret(server::new_secret()),
                            .grants = {{.action = Action::admin, .prefix = true}}}),
           "a key");
    }
    const std::string secret = "a-secret-of-the-application";
    const std::string file = (scratch.path() / "secret").string();
    must(server::write_secret_file(file, secret), "a secret");
    Served served(scratch.path() / "log", {"--live-secret-file", file, "--live-app-key", "app"});
    std::vector<Socket> sockets;
    std::vector<std::string> joins;
    sockets.reserve(users_);
    std::string told;
    char bytes[16 << 10];
    const auto read_until = [&](Socket& socket, std::string_view word) {
      told.clear();
      while (!told.contains(word)) told.append(bytes, socket.read_some(bytes, sizeof bytes));
    };
    for (size_t i = 0; i < users_; ++i) {
      Socket& socket = sockets.emplace_back(served.port());
      socket.write_all(upgrade_request("/app/app/live"));
      read_until(socket, "\"op\":\"connected\"");
      constexpr std::string_view kName = "\"connection\":\"";
      const size_t begin = told.find(kName) + kName.size();
      const std::string name = told.substr(begin, told.find('"', begin) - begin);
      const std::string channel = "presence-" + std::to_string(i / 10);
      const std::string data = R"({"user_id":"u)" + std::to_string(i) + "\"}";
      std::string frame =
          R"({"op":"subscribe","channel":")" + channel + R"(","auth":"app:)" +
          server::hex_of(server::authentication_code(secret, name + ":" + channel + ":" + data)) +
          R"(","channel_data":)";
      server::render_string(frame, data);
      joins.push_back(text_frame(frame + "}"));
    }
    const double begin = now_s();
    for (size_t i = 0; i < users_; ++i) sockets[i].write_all(joins[i]);
    for (size_t i = 0; i < users_; ++i) read_until(sockets[i], "\"change\":\"here\"");
    rows_[0].ours.push_back(static_cast<double>(users_) / (now_s() - begin));
  }

 private:
  const Settings settings_;
  const size_t users_;
};

}  // namespace

std::unique_ptr<Workload> live_1000(const Settings& settings) {
  return std::make_unique<LiveFanOut>(settings, settings.size<size_t>(1'000, 20), "1000");
}

std::unique_ptr<Workload> live_10000(const Settings& settings) {
  return std::make_unique<LiveFanOut>(settings, settings.size<size_t>(10'000, 30), "10000");
}

std::unique_ptr<Workload> live_channels(const Settings& settings) {
  return std::make_unique<LiveChannels>(settings);
}

std::unique_ptr<Workload> live_presence(const Settings& settings) {
  return std::make_unique<LivePresence>(settings);
}

}  // namespace strandline::bench
