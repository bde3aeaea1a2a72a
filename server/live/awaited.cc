#include "server/live/awaited.h"

#include <chrono>
#include <optional>
#include <vector>

namespace strandline::server {
namespace {

// So often it looks whether it is to stop.
constexpr auto kPatience = std::chrono::milliseconds(100);

}  // namespace

void Awaited::start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "awaited");
    run();
  });
}

void Awaited::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

uint64_t Awaited::wait(const std::string& stream, std::function<void()> callback) {
  uint64_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    number = ++last_;
    waiting_[stream].emplace(number, std::move(callback));
  }
  wake_.notify_one();
  // It may have come to be before anybody waited for it.
  if (log_.available(stream)) tell(stream);
  return number;
}

void Awaited::cancel(const std::string& stream, uint64_t number) {
  const std::lock_guard lock(mutex_);
  const auto at = waiting_.find(stream);
  if (at == waiting_.end()) return;
  at->second.erase(number);
  if (at->second.empty()) waiting_.erase(at);
}

void Awaited::tell(const std::string& stream) {
  std::map<uint64_t, std::function<void()>> told;
  {
    const std::lock_guard lock(mutex_);
    const auto at = waiting_.find(stream);
    if (at == waiting_.end()) return;
    told = std::move(at->second);
    waiting_.erase(at);
  }
  for (const auto& [number, callback] : told) callback();
}

void Awaited::tell_all_there() {
  std::vector<std::string> names;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [stream, those] : waiting_) names.push_back(stream);
  }
  for (const std::string& name : names) {
    if (log_.available(name)) tell(name);
  }
}

void Awaited::run() {
  std::optional<Subscription> reader;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      if (waiting_.empty()) reader.reset();
      wake_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
    }
    if (!reader) {
      auto begun = log_.subscribe({.select = Selection::all(), .from = From::latest()});
      if (!begun) return;  // the log closes
      reader.emplace(std::move(*begun));
      tell_all_there();
    }
    const auto next = reader->next_for(kPatience);
    if (!next) return;
    if (!*next) continue;
    if (const auto* events = std::get_if<Events>(&**next)) tell(std::string(events->stream()));
  }
}

}  // namespace strandline::server
