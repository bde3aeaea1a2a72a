#include "tools/connection/local_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <future>
#include <iostream>

#include "engine/disk/access.h"
#include "server/base/version.h"
#include "server/wire/cloudevents.h"
#include "server/wire/consumer_json.h"
#include "tools/base/account.h"
#include "tools/base/clip.h"
#include "tools/base/interrupt.h"
#include "tools/connection/local_keys.h"

namespace strandline::tools {
namespace {

using std::chrono::milliseconds;

// The engine knows nothing of signals, so that a long wait is cut into short ones.
constexpr milliseconds kWaitSlice{100};

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
    while (true) {
      const milliseconds slice = std::min(patience, kWaitSlice);
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

// Members of the server's /v1/info, without those that only a running server has.
std::string render_info(const Log& log) {
  const RecoveryReport& recovery = log.recovery();
  std::string out = fmt::format(
      "{{\"name\":\"strandline\",\"version\":\"{}\",\"format\":{},\"durable_next\":{},\"recovery\":"
      "{{"
      "\"created\":{},\"wal_bytes_replayed\":{},\"torn_bytes_dropped\":{},\"durable_next\":{},"
      "\"head_mark\":{},\"milliseconds\":{}}},\"segments\":[",
      server::kVersion, kFormatVersion, log.durable_next().value, recovery.created,
      recovery.wal_bytes_replayed, recovery.torn_bytes_dropped, recovery.durable_next.value,
      recovery.head_mark.value, recovery.milliseconds);
  bool first = true;
  for (const SegmentInfo& segment : log.segments()) {
    if (!first) out += ',';
    first = false;
    out += fmt::format(
        "{{\"id\":{},\"sealed\":{},\"created\":\"{}\",\"first\":{},\"next\":{},\"bytes\":{}}}",
        segment.id.value, segment.sealed, render_time(segment.created), segment.first.value,
        segment.next.value, segment.bytes);
  }
  return out + "]}";
}

class LocalLog : public LogHandle {
 public:
  explicit LocalLog(std::unique_ptr<Log> log) : log_(std::move(log)) {}
  ~LocalLog() override { log_->close(); }

  bool is_server() const override { return false; }
  Result<Appended> append(Append request) override { return log_->append(std::move(request)); }
  Result<std::unique_ptr<Feed>> feed() override { return std::make_unique<LocalFeed>(*log_); }

  Result<std::unique_ptr<Reader>> read(const ReadRequest& request) override {
    ReadOptions options{.select = request.select,
                        .from = request.from,
                        .types = request.types,
                        .subjects = request.subjects,
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

  Result<StreamInfo> create_stream(std::string name, StreamSettings settings) override {
    return log_->create_stream(std::move(name), std::move(settings));
  }
  Status delete_stream(std::string name) override { return log_->delete_stream(std::move(name)); }
  Result<Offset> truncate(std::string name, Offset before) override {
    return log_->truncate(std::move(name), before);
  }
  Result<StreamInfo> describe(std::string_view name) override { return log_->describe(name); }
  Result<std::vector<StreamInfo>> list(std::string_view prefix, std::string_view after,
                                       size_t limit) override {
    return log_->list(prefix, after, limit);
  }

  Result<uint64_t> position(std::string_view consumer, std::string_view stream) override {
    return log_->position(consumer, stream);
  }
  Result<std::vector<ConsumerPosition>> positions(std::string_view consumer_prefix,
                                                  size_t limit) override {
    return log_->positions(consumer_prefix, limit);
  }
  Result<std::vector<ConsumerPosition>> reset_positions(std::string consumer, From from) override {
    return log_->reset_positions(std::move(consumer), from);
  }
  Result<uint64_t> commit(Commit request) override { return log_->commit(std::move(request)); }

  Result<ConsumerInfo> create_consumer(std::string name, ConsumerSettings settings) override {
    auto created = log_->create_consumer(name, settings);
    if (!created && created.error().code == Code::exists) {
      auto there = log_->describe_consumer(std::move(name));
      if (there && server::same_settings(settings, *there)) return there;
    }
    return created;
  }
  Status delete_consumer(std::string name) override {
    return log_->delete_consumer(std::move(name));
  }
  Result<ConsumerInfo> reset_consumer(std::string name, From from) override {
    return log_->reset_consumer(std::move(name), from);
  }
  Result<ConsumerInfo> describe_consumer(std::string name) override {
    return log_->describe_consumer(std::move(name));
  }
  Result<ConsumerInfo> update_consumer(std::string name, ConsumerChange change) override {
    return log_->update_consumer(std::move(name), change);
  }
  Result<std::vector<ConsumerInfo>> consumers(std::string prefix, std::string after,
                                              size_t limit) override {
    return log_->consumers(std::move(prefix), std::move(after), limit);
  }
  Result<Joined> join(std::string consumer) override { return log_->join(std::move(consumer)); }
  Status leave(std::string consumer, uint64_t epoch, bool untried) override {
    return log_->leave(std::move(consumer), epoch, untried);
  }

  Result<Fetched> fetch(Fetch request) override {
    auto left = request.wait;
    while (true) {
      request.wait = std::min(left, kWaitSlice);
      left -= request.wait;
      auto fetched = log_->fetch(request);
      const bool full = !fetched && fetched.error().code == Code::limit && request.epoch != 0;
      if ((fetched && !fetched->empty()) || (!fetched && !full)) return fetched;
      if (left.count() <= 0 || Interrupt::raised()) return fetched;
      if (fetched) request.epoch = fetched->epoch;
      request.settle.reset();
    }
  }

  Result<Settled> settle(Settle request) override { return log_->settle(std::move(request)); }
  Result<Skipped> skip(Skip request) override { return log_->skip(std::move(request)); }
  Result<uint64_t> replay(std::string consumer, uint64_t limit) override {
    return log_->replay(std::move(consumer), limit);
  }
  Result<std::vector<DeadLetter>> dead_letters(std::string consumer, uint64_t from,
                                               size_t limit) override {
    return log_->dead_letters(std::move(consumer), from, limit);
  }

  Result<std::string> create_key(std::string name, std::vector<Grant> grants,
                                 std::optional<std::chrono::seconds> lifetime,
                                 Quota quota) override {
    return create_local_key(*log_, std::move(name), std::move(grants), lifetime, std::move(quota));
  }
  Result<std::string> keys() override { return local_keys(*log_); }
  Result<std::string> key(std::string name) override { return local_key(*log_, name); }
  Result<std::string> rotate_key(std::string name, std::chrono::seconds grace) override {
    return rotate_local_key(*log_, std::move(name), grace);
  }
  Result<std::string> revoke_key(std::string name) override {
    return revoke_local_key(*log_, std::move(name));
  }

  Result<std::string> info() override { return render_info(*log_); }

 private:
  std::unique_ptr<Log> log_;
};

}  // namespace

Result<std::unique_ptr<Log>> open_directory(const std::filesystem::path& directory, Purpose purpose,
                                            bool record_administration) {
  Options options;
  options.record_administration = record_administration;
  options.actor = account_here();
  // What the store says while it opens is in the error, if there is one.
  auto opened = std::make_shared<std::atomic<bool>>(false);
  options.on_warning = [opened](const std::string& text) {
    if (*opened) std::cerr << "strandline: " + text + "\n";
  };
  if (purpose == Purpose::read) options.mode = Options::Mode::observer;
  if (purpose != Purpose::create) {
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

Result<std::unique_ptr<LogHandle>> open_local(const std::filesystem::path& directory,
                                              Purpose purpose, bool record_administration) {
  auto log = open_directory(directory, purpose, record_administration);
  if (!log) return std::unexpected(log.error());
  return std::make_unique<LocalLog>(std::move(*log));
}

}  // namespace strandline::tools
