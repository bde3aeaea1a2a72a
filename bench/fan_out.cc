// One producer and a thousand followers of one stream: what a delivery costs, and how often the
// events are read for them all, by the log's own counter.
//
// The producer appends single events, and never has more under way than the followers, on average,
// are behind: the rate is what the slowest part of the whole sustains, with everybody caught up.
#include <sys/epoll.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <semaphore>
#include <thread>

#include "bench/filled_log.h"
#include "bench/follower.h"
#include "bench/load.h"
#include "bench/makers.h"
#include "bench/payload.h"
#include "bench/process.h"
#include "bench/served.h"
#include "engine/log.h"

namespace strandline::bench {
namespace {

constexpr char kFanOut[] = "fan-out";
constexpr std::ptrdiff_t kFanOutUnderWay = 64;  // appends
constexpr uint64_t kBehindMax = 64;             // events, an average follower

// How far the followers have come, shared by the producer's thread and theirs.
struct Progress {
  uint64_t followers;
  std::atomic<uint64_t> appended = 0;
  std::atomic<uint64_t> delivered = 0;
  std::atomic<bool> produced = false;  // all of it

  bool may_append() const { return appended * followers < delivered + kBehindMax * followers; }
  bool over() const { return produced && delivered >= appended * followers; }
};

void wait_a_little() { std::this_thread::sleep_for(std::chrono::microseconds(50)); }

class FanOutEngine : public Workload {
 public:
  explicit FanOutEngine(const Settings& settings)
      : Workload({Row{.name = "fan-out-engine",
                      .unit = "deliveries/s",
                      .what = "1 producer to 1,000 followers, embedded",
                      .bar = Bar{.value = 500e3, .of = Bar::Of::ours}},
                  Row{.name = "fan-out-engine-reads",
                      .unit = "store reads",
                      .what = "the same: reads of the store, all followers together",
                      .bar = Bar{.value = 0, .of = Bar::Of::ours, .kind = Bar::Kind::at_most}}}),
        settings_(settings),
        followers_(settings.size<uint64_t>(1000, 50)),
        pool_(batches(1000, 1)) {
    rows_[0].note = "1 producer of single events, " + std::to_string(followers_) +
                    " subscriptions, one thread for them all";
    rows_[1].note = "batches that all of them together took from RocksDB (store_batches_read)";
  }

  void round(int) override {
    Scratch scratch(settings_.directory, "fan-out");
    auto log = must(Log::open(scratch.path()), "open");
    must(log->create_stream(kFanOut), "create");
    Progress progress{.followers = followers_};
    std::vector<Subscription> subscriptions;
    for (uint64_t i = 0; i < followers_; ++i) {
      subscriptions.push_back(
          must(log->subscribe({.select = Selection::stream(kFanOut), .from = From::latest()}),
               "follow"));
    }
    const double begin = now_s();
    std::jthread producer([&] { produce(*log, progress); });
    follow(subscriptions, progress);
    rows_[0].ours.push_back(static_cast<double>(progress.delivered) / (now_s() - begin));
    rows_[1].ours.push_back(static_cast<double>(log->counters().store_batches_read));
  }

 private:
  void produce(Log& log, Progress& progress) {
    std::counting_semaphore<> slots(kFanOutUnderWay);
    const double end = now_s() + settings_.seconds;
    while (now_s() < end) {
      if (!progress.may_append()) {
        wait_a_little();
        continue;
      }
      slots.acquire();
      log.append({.stream = kFanOut, .batch = pool_[progress.appended++ % pool_.size()]},
                 [&](const Result<Appended>&) { slots.release(); });
    }
    for (std::ptrdiff_t i = 0; i < kFanOutUnderWay; ++i) slots.acquire();
    progress.produced = true;
  }

  // Reads whatever is ready, as a server's event loop does.
  void follow(std::vector<Subscription>& subscriptions, Progress& progress) {
    std::mutex mutex;  // guards ready
    std::condition_variable woken;
    std::vector<size_t> ready;
    const auto wait_for = [&](size_t i) {
      subscriptions[i].on_ready([&, i] {
        {
          const std::lock_guard lock(mutex);
          ready.push_back(i);
        }
        woken.notify_one();
      });
    };
    for (size_t i = 0; i < subscriptions.size(); ++i) wait_for(i);
    std::vector<size_t> now;
    const double patience = now_s() + settings_.seconds + 30;
    while (!progress.over()) {
      if (now_s() > patience) throw Failure("not all events were delivered");
      now.clear();
      {
        std::unique_lock lock(mutex);
        woken.wait_for(lock, std::chrono::milliseconds(10), [&] { return !ready.empty(); });
        now.swap(ready);
      }
      for (const size_t i : now) {
        uint64_t events = 0;
        while (const auto delivery = must(subscriptions[i].try_next(), "follow")) {
          if (const auto* got = std::get_if<Events>(&*delivery)) events += got->count();
        }
        progress.delivered += events;
        wait_for(i);
      }
    }
    // The callbacks name what lives here.
    subscriptions.clear();
  }

  const Settings settings_;
  const uint64_t followers_;
  const std::vector<Batch> pool_;
};

class FanOutServer : public Workload {
 public:
  explicit FanOutServer(const Settings& settings)
      : Workload({Row{.name = "fan-out-server",
                      .unit = "deliveries/s",
                      .what = "1 producer to 1,000 followers, over the server",
                      .bar = Bar{.value = 500e3, .of = Bar::Of::ours}},
                  Row{.name = "fan-out-server-reads",
                      .unit = "store reads",
                      .what = "the same: reads of the store, all followers together",
                      .bar = Bar{.value = 0, .of = Bar::Of::ours, .kind = Bar::Kind::at_most}}}),
        settings_(settings),
        followers_(settings.size<uint64_t>(1000, 50)) {
    for (const Batch& batch : batches(1000, 1)) {
      requests_.push_back(post_events(kFanOut, schema::kBatchMediaType, batch.bytes()));
    }
    rows_[0].note = "1 producer of single events, " + std::to_string(followers_) +
                    " connections that take frames, their client on the same cores";
    rows_[1].note = "batches that all of them together took from RocksDB (store_batches_read)";
  }

  void round(int) override {
    Scratch scratch(settings_.directory, "fan-out");
    {
      auto log = must(Log::open(scratch.path() / "log"), "open");
      must(log->create_stream(kFanOut), "create");
    }
    Served served(scratch.path() / "log");
    Progress progress{.followers = followers_};
    std::vector<Follower> followers;
    followers.reserve(followers_);
    for (uint64_t i = 0; i < followers_; ++i) {
      followers.emplace_back(served.port(), kFanOut, "latest", Follower::Format::frames);
    }
    Epoll epoll(followers);
    // All are being served before the first event, or `latest` would leave some of it out.
    const double patience = now_s() + 30;
    for (uint64_t i = 0; i < followers_; ++i) {
      while (!followers[i].answered()) {
        if (now_s() > patience) throw Failure("not all followers are served");
        epoll.take(100);
      }
    }
    std::string broken;
    std::jthread producer([&] {
      try {
        produce(served.port(), progress);
      } catch (const std::exception& e) {
        broken = e.what();
        progress.produced = true;
      }
    });
    const double begin = now_s();
    while (!progress.over()) {
      if (now_s() > begin + settings_.seconds + 30) {
        producer.join();
        throw Failure("not all events were delivered " + broken);
      }
      progress.delivered += epoll.take(10);
    }
    const double seconds = now_s() - begin;
    producer.join();
    if (!broken.empty()) throw Failure(broken);
    rows_[0].ours.push_back(static_cast<double>(progress.delivered) / seconds);
    rows_[1].ours.push_back(
        static_cast<double>(served.metric("strandline_store_batches_read_total")));
  }

 private:
  class Epoll {
   public:
    explicit Epoll(std::vector<Follower>& followers)
        : followers_(followers), fd_(epoll_create1(EPOLL_CLOEXEC)), buffer_(64 << 10, '\0') {
      for (size_t i = 0; i < followers.size(); ++i) {
        followers[i].socket().make_nonblocking();
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = i;
        epoll_ctl(fd_, EPOLL_CTL_ADD, followers[i].socket().fd(), &event);
      }
    }
    ~Epoll() { close(fd_); }

    // Takes what there is; answers how many events that was.
    uint64_t take(int wait_ms) {
      epoll_event events[256];
      const int ready = epoll_wait(fd_, events, 256, wait_ms);
      uint64_t delivered = 0;
      for (int e = 0; e < ready; ++e) {
        Follower& follower = followers_[events[e].data.u64];
        const uint64_t before = follower.events();
        follower.take(
            {buffer_.data(), follower.socket().read_some(buffer_.data(), buffer_.size())});
        delivered += follower.events() - before;
      }
      return delivered;
    }

   private:
    std::vector<Follower>& followers_;
    const int fd_;
    std::string buffer_;
  };

  void produce(uint16_t port, Progress& progress) {
    Socket socket(port);
    std::string unread;
    char bytes[16 << 10];
    std::ptrdiff_t under_way = 0;
    const double end = now_s() + settings_.seconds;
    const auto read_answers = [&] {
      unread.append(bytes, socket.read_some(bytes, sizeof bytes));
      size_t at = 0;
      while (const size_t answer = http_answer(std::string_view(unread).substr(at))) {
        at += answer;
        --under_way;
      }
      unread.erase(0, at);
    };
    while (now_s() < end) {
      std::string burst;
      while (under_way < kFanOutUnderWay && progress.may_append()) {
        burst += requests_[progress.appended++ % requests_.size()];
        ++under_way;
      }
      socket.write_all(burst);
      if (under_way > 0) {
        read_answers();
      } else {
        wait_a_little();
      }
    }
    while (under_way > 0) read_answers();
    progress.produced = true;
  }

  const Settings settings_;
  const uint64_t followers_;
  std::vector<std::string> requests_;
};

}  // namespace

std::unique_ptr<Workload> fan_out_engine(const Settings& settings) {
  return std::make_unique<FanOutEngine>(settings);
}

std::unique_ptr<Workload> fan_out_server(const Settings& settings) {
  return std::make_unique<FanOutServer>(settings);
}

}  // namespace strandline::bench
