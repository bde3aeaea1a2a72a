#include "tests/support/log/members.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <sstream>
#include <thread>

namespace strandline::tests {
namespace {

constexpr int kMembers = 4;

// In one piece, so that lines of several threads do not mix and none is half there.
void say(const std::string& line) {
  const std::string whole = line + "\n";
  (void)!write(STDOUT_FILENO, whole.data(), whole.size());
}

std::string key_of(uint64_t position) { return "k" + std::to_string(position * 7 % 11); }

void publish_until_killed(Log& log) {
  const auto have = log.describe(kGroupStream);
  for (uint64_t at = have ? have->tail.value : 0;; at += 8) {
    BatchBuilder builder;
    std::vector<std::string> keys;
    for (uint64_t i = 0; i < 8; ++i) keys.push_back(key_of(at + i));
    for (const std::string& key : keys) (void)builder.add({.type = "work", .subject = key});
    auto appended = log.append(Append{.stream = kGroupStream, .batch = builder.finish().value()});
    if (!appended) return;
    // The members set the pace.
    while (log.describe_consumer(kGroup)->lag > 200) {
      std::this_thread::yield();
    }
  }
}

void work_until_killed(Log& log, uint64_t seed) {
  std::mt19937_64 random(seed);
  uint64_t epoch = log.join(kGroup)->epoch;
  while (true) {
    auto fetched = log.fetch(Fetch{.consumer = kGroup,
                                   .epoch = epoch,
                                   .events_max = 1 + random() % 16,
                                   .wait = std::chrono::milliseconds(50)});
    if (!fetched) return;
    size_t at = 0;
    for (const Events& run : fetched->runs) {
      for (const Event& event : run) {
        const Given& one = fetched->given[at++];
        say(fmt::format("given {} {} {}", one.position, one.attempt, event.subject()));
      }
    }
    Settle settle{.consumer = kGroup, .epoch = epoch};
    std::string acks;
    for (const Given& one : fetched->given) {
      switch (random() % 12) {
        case 0:
          settle.nacks.push_back({Span::of(one.position), random() % 4, "chance"});
          say(fmt::format("nacking {}", one.position));
          break;
        case 1:
          break;  // left to its deadline
        default:
          settle.acks.push_back(Span::of(one.position));
          acks += fmt::format(" {}", one.position);
      }
    }
    if (!acks.empty()) say("acking" + acks);
    const auto settled = log.settle(std::move(settle));
    if (settled && !acks.empty()) say("acked" + acks);
    if (random() % 20 == 0) {
      if (!log.leave(kGroup, epoch)) return;
      epoch = log.join(kGroup)->epoch;
    }
  }
}

}  // namespace

int members_until_killed(Log& log) {
  std::vector<std::jthread> threads;
  threads.emplace_back(publish_until_killed, std::ref(log));
  std::random_device random;
  for (int m = 0; m < kMembers; ++m) {
    threads.emplace_back(work_until_killed, std::ref(log), random());
  }
  threads.clear();
  return 0;
}

std::string GroupAccount::take(const std::string& line) {
  std::istringstream words(line);
  std::string what;
  uint64_t position = 0;
  words >> what;
  if (what == "given") {
    uint32_t attempt = 0;
    std::string key;
    words >> position >> attempt >> key;
    ++given_count_;
    if (acked_.contains(position)) return line + ": it was acked";
    uint32_t& before = attempts_[position];
    if (attempt <= before) return line + fmt::format(": attempt {} was given before", before);
    before = attempt;
    keys_[position] = key;
    if (key != key_of(position)) return line + ": another event's key";
    if (!keyed_) return {};
    for (const auto& [other, others_key] : keys_) {
      if (other >= position) break;
      if (others_key == key && !acking_.contains(other)) {
        return line + fmt::format(": {} has its key, is older, and not acked", other);
      }
    }
  } else if (what == "acking" || what == "acked") {
    auto& set = what == "acking" ? acking_ : acked_;
    while (words >> position) set.insert(position);
  }
  return {};
}

namespace {

// Where they came from; each once, or the log has buried one twice.
std::set<uint64_t> dead_letters_of(Log& log) {
  std::set<uint64_t> dead;
  auto cursor = log.read({.select = Selection::stream(std::string("dead-letters/") + kGroup)});
  if (!cursor) return dead;
  while (auto delivery = (*cursor)->next().value()) {
    const auto* events = std::get_if<Events>(&*delivery);
    if (!events) continue;
    for (const Event& event : *events) {
      event.for_each_attribute([&](const Attribute& one) {
        if (one.name != "deadletteroffset") return;
        if (!dead.insert(std::stoull(std::string(one.text))).second) dead.insert(UINT64_MAX);
      });
    }
  }
  return dead;
}

}  // namespace

std::vector<std::string> GroupAccount::violations(Log& log) const {
  std::vector<std::string> wrong;
  // Each acked one is gone for good; each of the others is still to come, or dead.
  std::set<uint64_t> left;
  const auto joined = log.join(kGroup);
  while (true) {
    auto fetched = log.fetch(Fetch{.consumer = kGroup, .epoch = joined->epoch});
    if (!fetched || fetched->empty()) break;
    Settle settle{.consumer = kGroup, .epoch = joined->epoch};
    for (const Given& one : fetched->given) {
      settle.acks.push_back(Span::of(one.position));
      if (!left.insert(one.position).second) {
        wrong.push_back(fmt::format("{} twice", one.position));
      }
      if (acked_.contains(one.position)) {
        wrong.push_back(fmt::format("{} again after its ack", one.position));
      }
    }
    if (!log.settle(std::move(settle)) || !wrong.empty()) break;
  }
  // Whoever was killed in a last attempt may still ack until one more deadline is over; then it is
  // a dead letter. It is made one now.
  const uint64_t tail = log.describe(kGroupStream)->tail.value;
  for (uint64_t position = 0; position < tail; position += 1'000) {
    // Refused where nothing is unacked.
    (void)log.skip(Skip{.consumer = kGroup, .position = position, .count = 1'000});
  }
  const std::set<uint64_t> dead = dead_letters_of(log);
  for (const uint64_t position : dead) {
    if (acked_.contains(position)) wrong.push_back(fmt::format("{} acked and dead", position));
    if (left.contains(position)) wrong.push_back(fmt::format("{} dead and to come", position));
  }
  if (dead.size() != log.describe_consumer(kGroup)->dead_lettered) {
    wrong.push_back("the consumer has other dead letters than their stream");
  }
  for (uint64_t position = 0; position < tail; ++position) {
    if (left.contains(position) || acking_.contains(position) || dead.contains(position)) continue;
    wrong.push_back(fmt::format("{} is neither acked nor to come", position));
  }
  return wrong;
}

}  // namespace strandline::tests
