#include "tests/support/http/swarm.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <deque>
#include <iostream>
#include <stdexcept>

#include "tests/support/http/sse_reader.h"

namespace strandline::tests {
namespace {

constexpr uint64_t kSignals = UINT64_MAX, kTicks = UINT64_MAX - 1, kSlowClients = uint64_t{1} << 32;
constexpr size_t kSlowBytesPerTick = 100;
constexpr size_t kVanishPerTick = 2;
constexpr std::string_view kSlowHead =
    "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slowly: one byte after the other\r\n\r\n";

[[noreturn]] void fail_with(const char* what) {
  throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

class Swarm {
 public:
  explicit Swarm(const std::vector<std::string>& arguments)
      : stream_(arguments.at(3)),
        frozen_(std::stoul(arguments.at(5))),
        seen_(stream_),
        epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    server_.sin_family = AF_INET;
    server_.sin_port = htons(static_cast<uint16_t>(std::stoul(arguments.at(2))));
    inet_pton(AF_INET, arguments.at(1).c_str(), &server_.sin_addr);
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    watch_signals();
    for (size_t i = std::stoul(arguments.at(4)); i > 0; --i) add_follower();
    slow_.resize(std::stoul(arguments.at(6)));
  }

  void run() {
    std::vector<epoll_event> events(256);
    while (!finished_) {
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      if (count < 0 && errno != EINTR) fail_with("epoll_wait");
      for (int i = 0; i < count; ++i) handle(events[static_cast<size_t>(i)].data.u64);
    }
  }

 private:
  struct Follower {
    int socket;
    SseReader reader;
    bool reads = true;
    bool counted_open = false;
    bool counted_end = false;
  };
  struct SlowClient {
    int socket = -1;
    size_t sent = 0;
    bool answered = false;
  };

  void handle(uint64_t what) {
    if (what == kSignals) {
      take_signal();
    } else if (what == kTicks) {
      tick();
    } else if (what >= kSlowClients) {
      read_slow(slow_[what - kSlowClients]);
    } else {
      read_follower(followers_[what], what);
    }
  }

  // From one of several addresses of the loopback, so that ports do not run out.
  int connect() {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket < 0) fail_with("socket");
    const int on = 1;
    setsockopt(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    sockaddr_in from{};
    from.sin_family = AF_INET;
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + static_cast<uint32_t>(connected_++ % 16));
    if (bind(socket, reinterpret_cast<sockaddr*>(&from), sizeof from) != 0) fail_with("bind");
    if (::connect(socket, reinterpret_cast<sockaddr*>(&server_), sizeof server_) != 0) {
      fail_with("connect");
    }
    return socket;
  }

  void watch(int descriptor, uint64_t what, uint32_t events = EPOLLIN) {
    epoll_event event{.events = events, .data = {.u64 = what}};
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) fail_with("epoll_ctl");
  }

  void watch_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    signals_ = signalfd(-1, &set, SFD_CLOEXEC);
    watch(signals_, kSignals);
  }

  static void say(const std::string& line) { std::cout << line + "\n" << std::flush; }

  // --- Followers.

  void add_follower() {
    const int socket = connect();
    if (followers_.size() < frozen_) {
      const int small = 128 << 10;  // so that it is the server that soon has to wait
      setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    }
    const std::string request = "GET /v1/streams/" + stream_ +
                                "/events HTTP/1.1\r\nHost: localhost\r\n"
                                "Accept: text/event-stream\r\n\r\n";
    if (send(socket, request.data(), request.size(), MSG_NOSIGNAL) < 0) fail_with("send");
    followers_.push_back({.socket = socket, .reader = SseReader(seen_)});
    watch(socket, followers_.size() - 1);
  }

  void read_follower(Follower& follower, uint64_t what) {
    if (!follower.reads) return;
    static char bytes[256 << 10];
    const ssize_t count = recv(follower.socket, bytes, sizeof bytes, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) throw std::runtime_error("a follower was dropped");
    follower.reader.take({bytes, static_cast<size_t>(count)});
    if (const int64_t lag = follower.reader.take_lag_us(); lag > 0 && what >= frozen_) {
      lags_us_.push_back(lag);
    }
    if (follower.reader.is_open() && !std::exchange(follower.counted_open, true)) {
      if (++open_ == followers_.size()) all_follow();
    }
    if (follower.reader.has_ended() && !std::exchange(follower.counted_end, true)) {
      ++ended_;
      if (what >= frozen_ && ++healthy_ended_ == followers_.size() - frozen_) report_lag();
      if (ended_ == followers_.size()) finish();
    }
  }

  void all_follow() {
    for (size_t i = 0; i < frozen_; ++i) {
      followers_[i].reads = false;
      epoll_ctl(epoll_, EPOLL_CTL_DEL, followers_[i].socket, nullptr);
    }
    lags_us_.clear();  // of history
    say("following");
  }

  void thaw() {
    for (size_t i = 0; i < frozen_; ++i) {
      followers_[i].reads = true;
      watch(followers_[i].socket, i);
    }
  }

  void report_lag() {
    std::ranges::sort(lags_us_);
    const auto at = [&](size_t percent) {
      return lags_us_.empty() ? 0 : lags_us_[(lags_us_.size() - 1) * percent / 100];
    };
    say("healthy " + std::to_string(lags_us_.size()) + " " + std::to_string(at(99)) + " " +
        std::to_string(at(100)));
  }

  void finish() {
    finished_ = true;
    say("done answered " + std::to_string(answered_) + " late " + std::to_string(late_) +
        " vanished " + std::to_string(vanished_));
  }

  // --- The storm.

  void take_signal() {
    signalfd_siginfo info;
    if (read(signals_, &info, sizeof info) != sizeof info) fail_with("signalfd");
    if (info.ssi_signo == SIGUSR2) return thaw();
    for (SlowClient& slow : slow_) connect_slow(slow);
    ticks_ = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    const itimerspec every{{0, 10'000'000}, {0, 10'000'000}};
    timerfd_settime(ticks_, 0, &every, nullptr);
    watch(ticks_, kTicks);
  }

  void connect_slow(SlowClient& slow) {
    if (slow.socket >= 0) close(slow.socket);
    slow.socket = connect();
    slow.sent = 0;
    watch(slow.socket, kSlowClients + static_cast<uint64_t>(&slow - slow_.data()));
  }

  void tick() {
    uint64_t times = 0;
    if (::read(ticks_, &times, sizeof times) != sizeof times) fail_with("timerfd");
    for (size_t i = 0; i < std::min(kSlowBytesPerTick, slow_.size()); ++i) {
      SlowClient& slow = slow_[turn_++ % slow_.size()];
      if (slow.sent == kSlowHead.size()) continue;  // its answer is due
      if (send(slow.socket, &kSlowHead[slow.sent], 1, MSG_NOSIGNAL) == 1) ++slow.sent;
    }
    for (size_t i = 0; i < kVanishPerTick; ++i) vanish();
    const bool enough = slow_answered_ == slow_.size() && vanished_ >= 2 * slow_.size();
    if (enough && !std::exchange(told_storm_, true)) say("storm");
  }

  void read_slow(SlowClient& slow) {
    char bytes[4096];
    const ssize_t count = recv(slow.socket, bytes, sizeof bytes, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return;
    const std::string_view answer(bytes, count > 0 ? static_cast<size_t>(count) : 0);
    if (answer.starts_with("HTTP/1.1 200") && slow.sent == kSlowHead.size()) {
      ++answered_;
      slow.sent = 0;
    } else if (answer.empty() || answer.starts_with("HTTP/1.1 408") ||
               answer.starts_with("HTTP/1.1 503")) {
      // The others are so many that this one was too slow, or one too many.
      ++late_;
      connect_slow(slow);
    } else {
      throw std::runtime_error("a slow client was answered " + std::string(answer));
    }
    if (!std::exchange(slow.answered, true)) ++slow_answered_;
  }

  // Those of the last tick go, and others come and send a part of a request.
  void vanish() {
    static constexpr std::string_view kParts[] = {
        "",
        "GET /hea",
        "GET /v1/streams/s/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n",
        "GET /v1/streams/s/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n",
        "POST /v1/append HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n{\"appends",
        "POST /v1/append HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"",
    };
    const std::string_view part = kParts[vanished_ % std::size(kParts)];
    const int socket = connect();
    if (send(socket, part.data(), part.size(), MSG_NOSIGNAL) < 0) fail_with("send");
    vanishing_.push_back(socket);
    if (vanishing_.size() < 2 * kVanishPerTick) return;
    if (vanished_++ % 2 == 0) {
      const linger reset{.l_onoff = 1, .l_linger = 0};
      setsockopt(vanishing_.front(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    }
    close(vanishing_.front());
    vanishing_.pop_front();
  }

  const std::string stream_;
  const size_t frozen_;  // the first ones
  SeenEvents seen_;
  sockaddr_in server_{};
  const int epoll_;
  int signals_ = -1;
  int ticks_ = -1;
  size_t connected_ = 0;
  bool finished_ = false;

  std::deque<Follower> followers_;
  size_t open_ = 0;
  size_t ended_ = 0;
  size_t healthy_ended_ = 0;
  std::vector<int64_t> lags_us_;  // of each read of a follower that reads, its latest event's

  std::vector<SlowClient> slow_;
  size_t turn_ = 0;
  size_t slow_answered_ = 0;
  size_t answered_ = 0;
  size_t late_ = 0;
  std::deque<int> vanishing_;
  size_t vanished_ = 0;
  bool told_storm_ = false;
};

}  // namespace

int swarm(const std::vector<std::string>& arguments) try {
  Swarm(arguments).run();
  return 0;
} catch (const std::exception& e) {
  std::cout << std::string("wrong: ") + e.what() + "\n" << std::flush;
  return 1;
}

}  // namespace strandline::tests
