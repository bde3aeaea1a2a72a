#include "server/consumer_json.h"
#include "tools/interrupt.h"
#include "tools/named_consumers.h"

namespace strandline::tools {
namespace {

class LocalConsumers : public NamedConsumers {
 public:
  explicit LocalConsumers(Log& log) : log_(log) {}

  Result<ConsumerInfo> create(const std::string& name, const ConsumerSettings& settings) override {
    auto created = log_.create_consumer(name, settings);
    if (!created && created.error().code == Code::exists) {
      auto there = log_.describe_consumer(name);
      if (there && server::same_settings(settings, *there)) return there;
    }
    return created;
  }
  Result<ConsumerInfo> update(const std::string& name, const ConsumerChange& change) override {
    return log_.update_consumer(name, change);
  }
  Status remove(const std::string& name) override { return log_.delete_consumer(name); }
  Result<ConsumerInfo> reset(const std::string& name, const From& from) override {
    return log_.reset_consumer(name, from);
  }
  Result<ConsumerInfo> describe(const std::string& name) override {
    return log_.describe_consumer(name);
  }
  Result<std::vector<ConsumerInfo>> list(const std::string& prefix, const std::string& after,
                                         size_t limit) override {
    return log_.consumers(prefix, after, limit);
  }
  Result<Skipped> skip(const Skip& request) override { return log_.skip(request); }
  Result<uint64_t> replay(const std::string& name, uint64_t limit) override {
    return log_.replay(name, limit);
  }
  Result<std::vector<DeadLetter>> dead_letters(const std::string& name, uint64_t from,
                                               size_t limit) override {
    return log_.dead_letters(name, from, limit);
  }

  Result<Joined> join(const std::string& name) override { return log_.join(name); }
  Status leave(const std::string& name, uint64_t epoch) override { return log_.leave(name, epoch); }

  Result<Fetched> fetch(const Fetch& request) override {
    // The engine knows nothing of signals, so that a long wait is cut into short ones.
    constexpr std::chrono::milliseconds kSlice{100};
    Fetch part = request;
    auto left = request.wait;
    while (true) {
      part.wait = std::min(left, kSlice);
      left -= part.wait;
      auto fetched = log_.fetch(part);
      const bool full = !fetched && fetched.error().code == Code::limit && part.epoch != 0;
      if ((fetched && !fetched->empty()) || (!fetched && !full)) return fetched;
      if (left.count() <= 0 || Interrupt::raised()) return fetched;
      if (fetched) part.epoch = fetched->epoch;
      part.settle.reset();
    }
  }

  Result<Settled> settle(const Settle& request) override { return log_.settle(request); }
  Result<uint64_t> commit(const Commit& request) override { return log_.commit(request); }

 private:
  Log& log_;
};

}  // namespace

std::unique_ptr<NamedConsumers> local_consumers(Log& log) {
  return std::make_unique<LocalConsumers>(log);
}

}  // namespace strandline::tools
