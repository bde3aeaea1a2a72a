// The fixture of the tests of named consumers: one, "c", of the stream "s", and a clock by hand.
#pragma once

#include "tests/support/log/log_test.h"

namespace strandline::tests {

class ConsumerTest : public LogTest {
 protected:
  using Mode = ConsumerSettings::Mode;

  ConsumerTest() { options.clock = clock_; }

  ConsumerInfo create(Mode mode, ConsumerSettings settings = {}) {
    settings.mode = mode;
    if (settings.select.kind == Selection::Kind::all && settings.select.names.empty() && !all_) {
      settings.select = Selection::stream("s");
    }
    auto info = log().create_consumer("c", std::move(settings));
    EXPECT_TRUE(info) << info.error().message;
    return info.value_or(ConsumerInfo{});
  }
  uint64_t join() { return log().join("c").value().epoch; }
  Fetched fetch(uint64_t epoch, size_t max = 100) {
    auto fetched = log().fetch(Fetch{.consumer = "c", .epoch = epoch, .events_max = max});
    EXPECT_TRUE(fetched) << fetched.error().message;
    return fetched ? std::move(*fetched) : Fetched{};
  }
  static std::vector<uint64_t> positions(const Fetched& fetched) {
    std::vector<uint64_t> out;
    for (const Given& one : fetched.given) out.push_back(one.position);
    return out;
  }
  Result<Settled> ack(uint64_t epoch, uint64_t from, uint64_t to) {
    return log().settle(Settle{.consumer = "c", .epoch = epoch, .acks = {{from, to}}});
  }
  Result<Settled> nack(uint64_t epoch, uint64_t position, std::string reason = {}) {
    Settle settle{.consumer = "c", .epoch = epoch};
    settle.nacks.push_back({Span::of(position), 0, std::move(reason)});
    return log().settle(settle);
  }
  ConsumerInfo info() { return log().describe_consumer("c").value(); }

  const std::shared_ptr<ManualClock> clock_ =
      std::make_shared<ManualClock>(Timestamp{1'700'000'000'000'000});
  bool all_ = false;
};

}  // namespace strandline::tests
