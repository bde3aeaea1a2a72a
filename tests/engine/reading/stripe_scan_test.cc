// Many streams that take turns, read in the log's order: by stripes that are read at once, and
// otherwise as if nothing were.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <thread>

#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

class Stripes : public LogTest {
 protected:
  Stripes() {
    options.stripe_bytes_max = 256 << 10;
    options.segment_bytes_max = 1 << 20;
    options.batch_cache_bytes = 64 << 10;
  }

  static constexpr uint32_t kStreams = 300;

  static std::string stream_name(uint64_t n) { return fmt::format("s-{}", n); }

  // One event at a time, many to an append, each into a stream chosen at random.
  void fill(uint64_t events, uint64_t random_seed = 1, const std::string& prefix = "s-") {
    std::mt19937_64 random(random_seed);
    while (events > 0) {
      std::vector<AppendMany::Part> parts;
      std::map<std::string, uint64_t> taken;
      for (uint64_t i = 0; i < std::min<uint64_t>(events, 200); ++i) {
        const std::string stream = prefix + std::to_string(random() % kStreams);
        const Offset next(next_[stream] + taken[stream]++);
        parts.push_back({.stream = stream, .batch = batch(stream, next, 1)});
      }
      events -= parts.size();
      const auto done = log().append(AppendMany{.parts = std::move(parts)});
      ASSERT_TRUE(done) << done.error().message;
      for (const Appended& one : *done) {
        ASSERT_EQ(one.first.value, next_[one.stream]++);
        order_.emplace_back(one.stream, one.first.value);
      }
    }
  }
  // The same as an own list of what was appended says, from a position on.
  void expect_order(const Transcript& all, uint64_t from) {
    ASSERT_EQ(all.events.size(), order_.size() - from);
    for (size_t i = 0; i < all.events.size(); ++i) {
      const Seen& seen = all.events[i];
      ASSERT_EQ(seen.sequence, from + i);
      ASSERT_EQ(std::pair(seen.stream, seen.offset), order_[from + i]);
      ASSERT_EQ(seen.difference, "");
    }
  }
  uint64_t stripes_read() { return log().counters().stripes_read; }

  std::map<std::string, uint64_t> next_;
  std::vector<std::pair<std::string, uint64_t>> order_;  // by sequence
};

TEST_F(Stripes, AllIsReadInOrderFromAnywhereAndOneStripeAtATime) {
  fill(20'000);
  for (const bool reopened : {false, true}) {
    if (reopened) reopen();
    const uint64_t before = stripes_read();
    for (const uint64_t from : {0, 1, 7'777, 19'990}) {
      expect_order(read_all(log(), {.from = From::position(from)}), from);
    }
    EXPECT_GT(stripes_read(), before + 10);
    const uint64_t batches = log().counters().store_batches_read;
    expect_order(read_all(log(), {}), 0);
    EXPECT_LT(log().counters().store_batches_read - batches, 4'000u) << "fetched one by one";
  }
  EXPECT_TRUE(log().verify().findings.empty());
}

TEST_F(Stripes, OneStreamIsReadOverAllOfThem) {
  fill(20'000);
  reopen();
  for (uint64_t n = 0; n < kStreams; n += 37) {
    expect_stream(stream_name(n), 0, next_[stream_name(n)]);
  }
}

TEST_F(Stripes, AFilterAndAListAndAPrefixLeaveOutTheSameAsEver) {
  fill(20'000);
  reopen();
  std::vector<std::string> odd;
  for (uint64_t n = 1; n < kStreams; n += 2) odd.push_back(stream_name(n));
  for (const Selection& select : {Selection::list(odd), Selection::prefix("s-1")}) {
    const auto is_selected = [&](const std::string& stream) {
      return select.kind == Selection::Kind::prefix ? stream.starts_with("s-1")
                                                    : std::ranges::find(odd, stream) != odd.end();
    };
    const Transcript seen = read_all(log(), {.select = select});
    size_t at = 0;
    for (uint64_t sequence = 0; sequence < order_.size(); ++sequence) {
      if (!is_selected(order_[sequence].first)) continue;
      ASSERT_LT(at, seen.events.size());
      ASSERT_EQ(seen.events[at].sequence, sequence);
      ASSERT_EQ(seen.events[at++].difference, "");
    }
    EXPECT_EQ(at, seen.events.size());
  }
  EXPECT_GT(stripes_read(), 0u);
  const Transcript all = read_all(log(), {});
  const std::string wanted = all.events.at(5).type;
  ReadOptions filtered;
  filtered.types = TextFilter({wanted});
  const Transcript some = read_all(log(), filtered);
  size_t at = 0;
  for (const Seen& seen : all.events) {
    if (seen.type != wanted) continue;
    ASSERT_LT(at, some.events.size());
    ASSERT_EQ(some.events[at++].sequence, seen.sequence);
  }
  EXPECT_EQ(at, some.events.size());
}

TEST_F(Stripes, WhatWasTruncatedOrDeletedIsAGapThere) {
  fill(20'000);
  const uint64_t cut = next_["s-3"] / 2;
  ASSERT_TRUE(log().truncate("s-3", Offset(cut)));
  ASSERT_TRUE(log().delete_stream("s-4"));
  reopen();
  const Transcript seen = read_all(log(), {});
  EXPECT_GT(stripes_read(), 0u);
  uint64_t gone = 0;
  for (const SeenGap& one : seen.gaps) {
    gone += one.gap.to - one.gap.from;
    EXPECT_EQ(one.gap.reason, one.gap.stream == "s-3" ? GapReason::truncated : GapReason::deleted);
  }
  EXPECT_EQ(gone, cut + next_["s-4"]);
  EXPECT_EQ(seen.events.size() + gone, order_.size());
}

TEST_F(Stripes, ADroppedSegmentIsAGapAndTheRestIsInOrder) {
  fill(20'000);
  const auto segments = log().segments();
  ASSERT_GT(segments.size(), 2u);
  ASSERT_TRUE(log().drop_segment(segments[0].id));
  for (const bool reopened : {false, true}) {
    if (reopened) reopen();
    const Transcript seen = read_all(log(), {.from = From::position(0)});
    ASSERT_EQ(seen.gaps.size(), 1u);
    EXPECT_EQ(seen.gaps[0].gap.to, segments[0].next.value);
    ASSERT_EQ(seen.events.size(), order_.size() - segments[0].next.value);
    EXPECT_EQ(seen.events[0].sequence, segments[0].next.value);
    for (uint64_t n = 0; n < kStreams; n += 41) {
      const StreamInfo info = describe(stream_name(n));
      expect_stream(stream_name(n), info.start.value, next_[stream_name(n)]);
    }
  }
  EXPECT_TRUE(log().verify().findings.empty());
}

TEST_F(Stripes, ADamagedBlockCostsItsOwnEventsAndNoOthers) {
  fill(20'000);
  ASSERT_TRUE(log().roll());
  reopen();
  close();
  // A bit in the middle of each table of events.
  int flipped = 0;
  for (const auto& file : files_below(data() / "store", ".sst")) {
    std::string bytes = read_file(file);
    if (bytes.size() < 100'000) continue;
    bytes[bytes.size() / 2] ^= 0x10;
    write_file(file, bytes);
    ++flipped;
  }
  ASSERT_GT(flipped, 0);
  const Transcript seen = read_all(log(), {});
  EXPECT_LT(stripes_read(), 60u) << "a stripe is not read again for each event that it lacks";
  uint64_t lost = 0;
  for (const SeenGap& one : seen.gaps) {
    EXPECT_EQ(one.gap.reason, GapReason::damaged);
    EXPECT_NE(one.gap.detail, "");
    lost += one.gap.to - one.gap.from;
  }
  EXPECT_EQ(seen.events.size() + lost, order_.size());
  EXPECT_LE(lost, 110u * static_cast<uint64_t>(flipped)) << "16 KiB of small batches a bit";
  for (const Seen& one : seen.events) {
    ASSERT_EQ(std::pair(one.stream, one.offset), order_[one.sequence]);
    ASSERT_EQ(one.difference, "");
  }
}

TEST_F(Stripes, ReadersThatRestAndReadersBesideEachOtherSeeTheSame) {
  fill(20'000);
  reopen();
  const auto read = [&](uint64_t from, uint64_t rest_after) {
    auto cursor = log().read({.from = From::position(from)}).value();
    uint64_t position = from, since = 0;
    while (true) {
      const auto delivery = cursor->next().value();
      if (!delivery) break;
      const auto* events = std::get_if<Events>(&*delivery);
      if (!events) continue;
      for (uint32_t i = 0; i < events->count(); ++i, ++position) {
        const std::pair seen(std::string(events->stream()), events->first().value + i);
        if (seen != order_[position]) return position;
      }
      if (++since % rest_after == 0) cursor->rest();
    }
    return position;
  };
  std::vector<std::jthread> threads;
  std::vector<uint64_t> ends(6);
  for (size_t i = 0; i < ends.size(); ++i) {
    threads.emplace_back([&, i] { ends[i] = read(i * 1'000, i % 2 == 0 ? 100'000 : 700); });
  }
  threads.clear();
  for (const uint64_t end : ends) EXPECT_EQ(end, order_.size());
}

TEST_F(Stripes, ADeliveryStaysValidWhileItsCursorRests) {
  fill(20'000);
  reopen();
  auto cursor = log().read({}).value();
  uint64_t position = 0;
  while (const auto delivery = cursor->next().value()) {
    const auto* events = std::get_if<Events>(&*delivery);
    if (!events) continue;
    if (position > 2'000) cursor->rest();
    for (const Event& event : *events) {
      const auto& [stream, offset] = order_[position++];
      ASSERT_EQ(event.offset.value, offset);
      ASSERT_EQ(difference_at_offset(stream, event), "");
    }
    if (position > 4'000) break;
  }
  EXPECT_GT(stripes_read(), 0u);
}

// Whoever follows nothing of what comes is not kept, nor has stripe after stripe read.
TEST_F(Stripes, AReaderThatFollowsNothingFurtherOnReadsNoMoreOfThem) {
  fill(12'000);
  fill(20'000, 2, "z-");
  reopen();
  auto cursor = log().read({.select = Selection::prefix("s-")}).value();
  uint64_t found = 0, read = 0, moves = 0;
  while (const auto delivery = cursor->next().value()) {
    const bool is_events = std::holds_alternative<Events>(*delivery);
    found += is_events;
    moves += std::holds_alternative<Moved>(*delivery);
    if (is_events) read = stripes_read();
  }
  EXPECT_EQ(found, 12'000u);
  EXPECT_GT(read, 2u);
  EXPECT_LE(stripes_read(), read + 2);
  EXPECT_GT(moves, 0u);
  EXPECT_EQ(cursor->position(), order_.size());
}

// The open stripe is read, too, and grows while it is.
TEST_F(Stripes, AFollowerThatCatchesUpSeesEveryEventOnce) {
  options.stripe_bytes_max = 16 << 20;
  fill(10'000);
  reopen();
  auto subscription = log().subscribe({.from = From::earliest()}).value();
  Transcript first;
  while (first.events.size() < 5'000) first.add(subscription.next().value());
  fill(5'000, 2);
  Transcript all = first;
  const Transcript rest = drain(subscription);
  all.events.insert(all.events.end(), rest.events.begin(), rest.events.end());
  expect_order(all, 0);
  EXPECT_GT(stripes_read(), 0u);
}

}  // namespace
}  // namespace strandline::tests
