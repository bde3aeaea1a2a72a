#include "tools/local_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <future>
#include <iostream>

#include "engine/access.h"
#include "tools/clip.h"
#include "tools/info.h"
#include "tools/interrupt.h"

namespace strandline::tools {
namespace {

using std::chrono::milliseconds;

class LocalReader : public Reader {
 public:
  LocalReader(std::unique_ptr<Cursor> cursor, uint64_t end, bool by_offset)
      : cursor_(std::move(cursor)), end_(end), by_offset_(by_offset) {}

  Result<std::optional<Delivery>> next(milliseconds) override {
    if (cursor_->position() >= end_) return std::optional<Delivery>();
    auto delivery = cursor_->next();
    if (delivery && *delivery) clip(**delivery, end_, by_offset_);
    return delivery;
  }
  std::optional<uint64_t> position() const override { return cursor_->position(); }

 private:
  std::unique_ptr<Cursor> cursor_;
  uint64_t end_;
  bool by_offset_;
};

class LocalFollower : public Reader {
 public:
  explicit LocalFollower(Subscription subscription) : subscription_(std::move(subscription)) {}

  Result<std::optional<Delivery>> next(milliseconds patience) override {
    // The engine knows nothing of signals, so that a long wait is cut into short ones.
    constexpr milliseconds kSlice{100};
    while (true) {
      const milliseconds slice = std::min(patience, kSlice);
      auto delivery = subscription_.next_for(slice);
      if (!delivery || *delivery) return delivery;
      patience -= slice;
      if (patience <= milliseconds(0) || Interrupt::raised()) return std::optional<Delivery>();
    }
  }
  std::optional<uint64_t> position() const override { return subscription_.position(); }

 private:
  Subscription subscription_;
};

class LocalFeed : public Feed {
 public:
  explicit LocalFeed(Log& log) : log_(log) {}
  ~LocalFeed() override {
    for (auto& answer : under_way_) answer.wait();
  }

  Status send(const AppendMany& request) override {
    auto answered = std::make_shared<std::promise<Status>>();
    under_way_.push_back(answered->get_future());
    log_.append(request, [answered](Result<std::vector<Appended>> result) {
      answered->set_value(result ? Status() : std::unexpected(result.error()));
    });
    return {};
  }

  Status receive() override {
    Status status = under_way_.front().get();
    under_way_.pop_front();
    return status;
  }

 private:
  Log& log_;
  std::deque<std::future<Status>> under_way_;
};

class LocalLog : public Connection {
 public:
  explicit LocalLog(std::unique_ptr<Log> log)
      : log_(std::move(log)), consumers_(local_consumers(*log_)) {}
  ~LocalLog() override { log_->close(); }

  bool is_server() const override { return false; }
  Result<Appended> append(Append request) override { return log_->append(std::move(request)); }
  Result<std::unique_ptr<Feed>> feed() override { return std::make_unique<LocalFeed>(*log_); }

  Result<std::unique_ptr<Reader>> read(const ReadRequest& request) override {
    ReadOptions options{.select = request.select,
                        .from = request.from,
                        .types = request.types,
                        .events_max = request.events_max,
                        .backward = request.backward};
    if (request.follow) {
      auto subscription = log_->subscribe(options);
      if (!subscription) return std::unexpected(subscription.error());
      return std::make_unique<LocalFollower>(std::move(*subscription));
    }
    const bool by_offset = request.select.kind == Selection::Kind::stream;
    uint64_t end = std::numeric_limits<uint64_t>::max();
    if (!request.backward) {
      auto available = log_->available(by_offset ? request.select.names.at(0) : kAllName);
      if (!available) return std::unexpected(available.error());
      end = available->tail;
    }
    auto cursor = log_->read(options);
    if (!cursor) return std::unexpected(cursor.error());
    return std::make_unique<LocalReader>(std::move(*cursor), end, by_offset);
  }

  Result<StreamInfo> create_stream(const std::string& name,
                                   const StreamSettings& settings) override {
    return log_->create_stream(name, settings);
  }
  Status delete_stream(const std::string& name) override { return log_->delete_stream(name); }
  Result<Offset> truncate(const std::string& name, Offset before) override {
    return log_->truncate(name, before);
  }
  Result<StreamInfo> describe(const std::string& name) override { return log_->describe(name); }
  Result<std::vector<StreamInfo>> list(const std::string& prefix, const std::string& after,
                                       size_t limit) override {
    return log_->list(prefix, after, limit);
  }

  Result<uint64_t> position(const std::string& consumer, const std::string& stream) override {
    return log_->position(consumer, stream);
  }
  Result<std::vector<ConsumerPosition>> positions(const std::string& prefix,
                                                       size_t limit) override {
    return log_->positions(prefix, limit);
  }
  Result<std::vector<ConsumerPosition>> reset_positions(const std::string& consumer,
                                                             const From& from) override {
    return log_->reset_positions(consumer, from);
  }
  Result<uint64_t> commit(Commit request) override { return log_->commit(std::move(request)); }
  NamedConsumers& consumers() override { return *consumers_; }

  Result<std::string> info() override { return render_info(*log_); }

 private:
  std::unique_ptr<Log> log_;
  std::unique_ptr<NamedConsumers> consumers_;
};

}  // namespace

Result<std::unique_ptr<Log>> open_directory(const std::filesystem::path& directory,
                                            Purpose purpose) {
  Options options;
  // What the store says while it opens is in the error, if there is one.
  auto opened = std::make_shared<std::atomic<bool>>(false);
  options.on_warning = [opened](const std::string& text) {
    if (*opened) std::cerr << "strandline: " + text + "\n";
  };
  if (purpose == Purpose::read) {
    options.mode = Options::Mode::observer;
    options.create_if_missing = false;
    std::error_code error;
    // One that may not be looked at is the engine's to tell of.
    if (!std::filesystem::is_directory(directory, error) && !is_withheld(error.value())) {
      return fail(Code::not_found, fmt::format("{}: no such directory", directory.string()));
    }
  }
  auto log = Log::open(directory, std::move(options));
  if (!log && log.error().code == Code::locked) {
    log.error().message += "; if that is a server, use --server URL in place of --data";
  }
  *opened = true;
  return log;
}

Result<std::unique_ptr<Connection>> open_local(const std::filesystem::path& directory,
                                               Purpose purpose) {
  auto log = open_directory(directory, purpose);
  if (!log) return std::unexpected(log.error());
  return std::make_unique<LocalLog>(std::move(*log));
}

}  // namespace strandline::tools
