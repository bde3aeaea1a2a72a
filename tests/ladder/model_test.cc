// Random operations, reopenings, rolls and truncations, against a plain map (support/model.h).
//
// STRANDLINE_SEED replays a run; STRANDLINE_MODEL_STEPS makes it longer.
#include "tests/support/log/model.h"

#include <random>

#include "tests/support/log/log_test.h"

namespace strandline::tests {
namespace {

class ModelRun : public LogTest {
 protected:
  ModelRun() {
    options.clock = clock_;
    options.batch_cache_bytes = 32 << 10;    // so that reads come from memory and from the store
    options.segment_bytes_max = 1ull << 40;  // segments are rolled by the run, not by themselves
  }

  uint64_t pick(uint64_t n) { return random_() % n; }
  std::string any_name() { return "s." + std::to_string(pick(8)); }
  uint64_t tail_of(const std::string& name) {
    const auto found = model_.streams.find(name);
    return found == model_.streams.end() ? 0 : found->second.tail();
  }
  std::vector<std::string> ids_for(const std::string& name, uint64_t already, uint64_t count) {
    std::vector<std::string> ids;
    for (uint64_t i = 0; i < count; ++i) ids.push_back(std::to_string(tail_of(name) + already + i));
    return ids;
  }
  void expect_appended(const Appended& appended, const std::string& name, uint64_t count) {
    EXPECT_EQ(appended.stream, name);
    EXPECT_EQ(appended.first.value, tail_of(name));
    EXPECT_EQ(appended.next.value, tail_of(name) + count);
    EXPECT_EQ(appended.sequence.value, model_.next_sequence());
    EXPECT_EQ(appended.stored, clock_->now());
  }

  void append_one();
  void append_many();
  void broadcast();
  void truncate();
  void remove_or_create();
  void commit();
  void drop();
  void read_stream();
  void read_backward();
  void read_all_streams();
  void read_selection();
  void read_by_time();
  void look_around();
  void step();

  const std::shared_ptr<ManualClock> clock_ =
      std::make_shared<ManualClock>(Timestamp{1'700'000'000'000'000});
  std::mt19937_64 random_;
  Model model_;
};

void ModelRun::append_one() {
  const std::string name = any_name();
  const ModelStream* stream = model_.find(name);
  const auto ids = ids_for(name, 0, 1 + pick(pick(10) == 0 ? 200 : 8));
  Expected expected;
  bool holds = true;
  switch (pick(4)) {
    case 0:
      expected = Expected::absent();
      holds = stream == nullptr;
      break;
    case 1:
      if (stream == nullptr) break;  // what next means for a stream that is gone is not asked here
      expected = Offset(tail_of(name) + pick(3));
      holds = expected.offset.value == tail_of(name);
      break;
    default:
      break;
  }
  const auto appended =
      log().append(Append{.stream = name, .batch = batch(name, ids), .expected = expected});
  if (!holds) {
    ASSERT_EQ(code_of(appended), Code::conflict);
    EXPECT_EQ(appended.error().current, tail_of(name));
    return;
  }
  ASSERT_TRUE(appended) << appended.error().message;
  expect_appended(*appended, name, ids.size());
  model_.append(name, ids, appended->stored.us);
}

void ModelRun::append_many() {
  AppendMany many;
  std::vector<std::vector<std::string>> ids;
  std::map<std::string, uint64_t> already;
  const bool spoil = pick(4) == 0;
  for (uint64_t i = 0, parts = 1 + pick(5); i < parts; ++i) {
    const std::string name = any_name();
    ids.push_back(ids_for(name, already[name], 1 + pick(6)));
    many.parts.push_back({.stream = name, .batch = batch(name, ids.back())});
    already[name] += ids.back().size();
  }
  if (spoil) {  // the last one cannot be: all of it must not be
    const std::string& name = many.parts.back().stream;
    many.parts.back().expected = Offset(tail_of(name) + already[name] + 7);
    ASSERT_EQ(code_of(log().append(many)), Code::conflict);
    return;
  }
  const auto appended = log().append(many);
  ASSERT_TRUE(appended) << appended.error().message;
  ASSERT_EQ(appended->size(), ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    expect_appended((*appended)[i], many.parts[i].stream, ids[i].size());
    model_.append(many.parts[i].stream, ids[i], (*appended)[i].stored.us);
  }
}

void ModelRun::broadcast() {
  const std::string prefix = pick(2) == 0 ? "" : "s.";
  const auto names = model_.names(prefix);
  const std::string id = "everyone " + std::to_string(model_.next_sequence());
  // One event to all, and so the payload of none: it is told apart by its id.
  const auto appended = log().broadcast(
      {.prefix = prefix, .batch = Batch::of({{.type = "everyone", .id = id}}).value()});
  ASSERT_TRUE(appended) << appended.error().message;
  ASSERT_EQ(appended->size(), names.size());
  std::vector<Appended> in_order(*appended);
  std::ranges::sort(in_order, {}, [](const Appended& a) { return a.sequence; });
  for (const Appended& each : in_order) {
    expect_appended(each, each.stream, 1);
    model_.append(each.stream, {id}, each.stored.us, "everyone");
  }
}

void ModelRun::truncate() {
  const std::string name = any_name();
  const ModelStream* stream = model_.find(name);
  if (stream == nullptr) {
    EXPECT_EQ(code_of(log().truncate(name, Offset{0})), Code::not_found);
    return;
  }
  const uint64_t before = stream->start + pick(stream->tail() - stream->start + 2);
  const auto truncated = log().truncate(name, Offset{before});
  if (before > stream->tail()) {
    EXPECT_EQ(code_of(truncated), Code::out_of_range);
    return;
  }
  ASSERT_TRUE(truncated) << truncated.error().message;
  EXPECT_EQ(truncated->value, before);
  model_.truncate(name, before);
}

void ModelRun::remove_or_create() {
  const std::string name = any_name();
  const bool exists = model_.find(name) != nullptr;
  if (pick(2) == 0) {
    const auto removed = log().delete_stream(name);
    EXPECT_EQ(removed.has_value(), exists);
    if (exists) model_.remove(name);
  } else {
    const auto created = log().create_stream(name);
    EXPECT_EQ(created.has_value(), !exists);
    if (!exists) model_.create(name);
  }
}

void ModelRun::commit() {
  const std::string name = any_name();
  const std::string consumer = "c" + std::to_string(pick(2));
  if (model_.find(name) == nullptr) return;
  ModelStream& stream = model_.streams[name];
  const auto known = stream.positions.find(consumer);
  const uint64_t current = known == stream.positions.end() ? 0 : known->second;
  Commit change{.consumer = consumer, .stream = name, .next = pick(stream.tail() + 2)};
  if (pick(2) == 0) change.expected = pick(3) == 0 ? current + 1 : current;
  const bool holds = (!change.expected || *change.expected == current) && change.next >= current &&
                     change.next <= stream.tail();
  const auto committed = log().commit(change);
  ASSERT_EQ(committed.has_value(), holds)
      << name << ": from " << current << " to " << change.next << " of " << stream.tail();
  if (holds) stream.positions[consumer] = change.next;
}

void ModelRun::drop() {
  if (!model_.has_sealed()) return;
  const auto segments = log().segments();
  ASSERT_GE(segments.size(), 2u);
  const auto dropped = log().drop_segment(segments[0].id);
  ASSERT_TRUE(dropped) << dropped.error().message;
  model_.drop_oldest();
}

void ModelRun::read_stream() {
  const std::string name = any_name();
  const ModelStream* stream = model_.find(name);
  if (stream == nullptr) {
    EXPECT_EQ(code_of(log().read({.select = Selection::stream(name)})), Code::not_found);
    return;
  }
  const uint64_t from = pick(stream->tail() + 1);
  ReadOptions options{.select = Selection::stream(name), .from = From::position(from)};
  if (pick(3) == 0) options.types = TextFilter({"order.*"});
  if (pick(3) == 0) options.events_max = 1 + pick(30);
  const Transcript got = read_all(log(), options);

  // Gaps tile what is gone, first; then come the events.
  uint64_t covered = from;
  for (const SeenGap& gap : got.gaps) {
    EXPECT_EQ(gap.before, 0u);
    EXPECT_EQ(gap.gap.from, covered);
    EXPECT_NE(gap.gap.reason, GapReason::damaged) << gap.gap.detail;
    covered = gap.gap.to;
  }
  EXPECT_EQ(covered, std::max(from, stream->start));
  size_t i = 0;
  uint64_t offset = covered;
  for (; offset < stream->tail() && i < options.events_max; ++offset) {
    const ModelEvent& event = model_.at(stream->events[offset]);
    if (!options.types.matches(event.type)) continue;
    ASSERT_LT(i, got.events.size()) << name << " ends before " << offset;
    EXPECT_EQ(got.events[i].offset, offset);
    EXPECT_EQ(got.events[i].sequence, event.sequence);
    EXPECT_EQ(got.events[i].stored_us, event.stored_us);
    EXPECT_EQ(got.events[i].id, event.id);
    if (event.type != "everyone") {
      EXPECT_EQ(got.events[i].difference, "");
    }
    ++i;
  }
  EXPECT_EQ(got.events.size(), i);
  EXPECT_GE(got.position, offset);
  if (i < options.events_max) {
    EXPECT_EQ(got.position, stream->tail());
  }
}

void ModelRun::read_backward() {
  const std::string name = any_name();
  const ModelStream* stream = model_.find(name);
  if (stream == nullptr) return;
  const uint64_t below = stream->start + pick(stream->tail() - stream->start + 1);
  const uint64_t most = 1 + pick(20);
  const Transcript got = read_all(log(), {.select = Selection::stream(name),
                                          .from = From::position(below),
                                          .events_max = most,
                                          .backward = true});
  std::vector<uint64_t> expected;
  for (uint64_t o = below; o > stream->start && expected.size() < most; --o) {
    expected.push_back(o - 1);
  }
  EXPECT_EQ(got.offsets(), expected);
}

void ModelRun::read_all_streams() {
  const uint64_t from = pick(model_.next_sequence() + 1);
  const Transcript got = read_all(log(), {.from = From::position(from)});
  // Every sequence number is an event or inside a gap, in order, exactly once.
  uint64_t covered = from;
  size_t gap = 0;
  const auto take_gaps = [&](size_t events) {
    for (; gap < got.gaps.size() && got.gaps[gap].before == events; ++gap) {
      const Gap& hole = got.gaps[gap].gap;
      EXPECT_EQ(hole.from, covered);
      EXPECT_NE(hole.reason, GapReason::damaged) << hole.detail;
      for (uint64_t s = hole.from; s < hole.to; ++s) EXPECT_FALSE(model_.kept(s)) << s;
      covered = hole.to;
    }
  };
  for (size_t i = 0; i < got.events.size(); ++i) {
    take_gaps(i);
    ASSERT_EQ(got.events[i].sequence, covered);
    const ModelEvent& event = model_.at(covered);
    EXPECT_TRUE(model_.kept(covered));
    EXPECT_EQ(got.events[i].stream, event.stream);
    EXPECT_EQ(got.events[i].offset, event.offset);
    EXPECT_EQ(got.events[i].id, event.id);
    ++covered;
  }
  take_gaps(got.events.size());
  EXPECT_EQ(covered, model_.next_sequence());
  EXPECT_EQ(got.position, model_.next_sequence());
}

void ModelRun::read_selection() {
  Selection select = Selection::prefix(pick(2) == 0 ? "s." : "s." + std::to_string(pick(8)));
  if (pick(2) == 0) {
    std::vector<std::string> some;
    for (const std::string& name : model_.names("")) {
      if (pick(2) == 0) some.push_back(name);
    }
    if (some.empty()) return;
    select = Selection::list(some);
  }
  const uint64_t from = pick(model_.next_sequence() + 1);
  const Transcript got = read_all(log(), {.select = select, .from = From::position(from)});
  std::vector<uint64_t> expected;
  for (uint64_t s = from; s < model_.next_sequence(); ++s) {
    const std::string& name = model_.at(s).stream;
    const bool selected = select.kind == Selection::Kind::prefix
                              ? name.starts_with(select.names[0])
                              : std::ranges::count(select.names, name) > 0;
    if (selected && model_.kept(s)) expected.push_back(s);
  }
  EXPECT_EQ(got.sequences(), expected);
  EXPECT_EQ(got.position, model_.next_sequence());
}

void ModelRun::read_by_time() {
  const std::string name = any_name();
  const ModelStream* stream = model_.find(name);
  if (stream == nullptr || model_.next_sequence() == 0) return;
  const int64_t moment =
      model_.at(pick(model_.next_sequence())).stored_us + static_cast<int64_t>(pick(2));
  uint64_t first = stream->start;
  while (first < stream->tail() && model_.at(stream->events[first]).stored_us < moment) ++first;
  EXPECT_EQ(read(name, From::time({moment})).offsets(), range(first, stream->tail()));
}

void ModelRun::look_around() {
  const auto names = model_.names("");
  std::vector<std::string> listed;
  for (const StreamInfo& info : log().list("", "", 1000)) {
    listed.push_back(info.name);
    const ModelStream& stream = model_.streams[info.name];
    EXPECT_EQ(info.start.value, stream.start) << info.name;
    EXPECT_EQ(info.tail.value, stream.tail()) << info.name;
    EXPECT_EQ(info.events, stream.tail() - stream.start) << info.name;
    for (const auto& [consumer, next] : stream.positions) {
      EXPECT_EQ(log().position(consumer, info.name).value_or(UINT64_MAX), next);
    }
  }
  EXPECT_EQ(listed, names);
  EXPECT_EQ(log().durable_next().value, model_.next_sequence());
  EXPECT_EQ(log().available("$all")->start, model_.start_sequence());
}

void ModelRun::step() {
  clock_->advance_us(static_cast<int64_t>(pick(3)));
  const uint64_t choice = pick(100);
  if (choice < 35) return append_one();
  if (choice < 45) return append_many();
  if (choice < 47) return broadcast();
  if (choice < 50) return truncate();
  if (choice < 53) return remove_or_create();
  if (choice < 58) return commit();
  if (choice < 60) {
    // An empty segment is not rolled in the model either: nothing could tell the difference.
    const auto segments = log().segments();
    if (segments.empty() || segments.back().first.value == model_.next_sequence()) return;
    ASSERT_TRUE(log().roll());
    return model_.roll();
  }
  if (choice < 61) return drop();
  if (choice < 63) {
    reopen();
    return look_around();
  }
  if (choice < 76) return read_stream();
  if (choice < 82) return read_backward();
  if (choice < 90) return read_all_streams();
  if (choice < 95) return read_selection();
  if (choice < 98) return read_by_time();
  look_around();
}

TEST_F(ModelRun, TheLogAnswersAsAPlainMapWould) {
  random_.seed(seed("ModelRun"));
  const uint64_t steps = number_from("STRANDLINE_MODEL_STEPS", 1500);
  for (uint64_t i = 0; i < steps; ++i) {
    step();
    ASSERT_FALSE(HasFailure()) << "at step " << i;
  }
  look_around();
  const auto verified = log().verify();
  for (const auto& finding : verified.findings) {
    ADD_FAILURE() << finding.place << ": " << finding.what;
  }
}

}  // namespace
}  // namespace strandline::tests
