#include "tests/support/log/verdict.h"

#include <algorithm>

#include "tests/support/log/payload.h"

namespace strandline::tests {

namespace {

class Judge {
 public:
  Judge(const Log& log, const Truth& truth) : log_(log), truth_(truth) {}

  Verdict run() {
    const auto whole = log_.available(kAllName);
    const uint64_t tail = whole ? whole->tail : 0;
    verdict_.short_by = truth_.next - std::min(truth_.next, tail);
    if (tail > truth_.next) wrong("the order ends at " + std::to_string(tail));
    for (const auto& [name, stream] : truth_.streams) read_stream(name, stream);
    for (const StreamInfo& info : log_.list("", "", SIZE_MAX)) {
      // One that lost its name is looked at in the whole order, below.
      if (truth_.deleted.contains(info.name)) {
        verdict_.came_back.push_back(info.name);
      } else if (!truth_.streams.contains(info.name) && !info.name.starts_with("lost-")) {
        wrong("a stream that never was: " + info.name);
      }
    }
    read_order(tail);
    if (!seen_.empty()) {
      read_filtered({.types = {{seen_.begin()->second.first}}});
      read_filtered({.types = {{"order.*"}}});
      for (const auto& [sequence, event] : seen_) {
        if (sequence % 97 != 3 || event.second.empty()) continue;
        read_filtered({.types = {}, .subjects = {{event.second}}});
      }
    }
    for (const auto& [key, next] : truth_.positions) {
      const auto now = log_.position(key.first, key.second);
      if (now.value_or(0) == next) continue;
      verdict_.positions.push_back(key);
      if (now && *now > next) wrong("a position that never was, of " + key.first);
    }
    const auto found = log_.verify().findings;
    verdict_.findings = found.size();
    const bool damaged = !verdict_.lost.empty() || verdict_.lost_in_order > 0;
    if (damaged && found.empty()) wrong("verify finds nothing where readers get gaps");
    // What readers find their way around, as in an index, it finds in the file; and in a stream
    // that lost its name, what had been truncated or deleted is missed, too.
    for (const Finding& one : found) {
      if (!damaged && !one.place.ends_with(".sst") && !one.place.contains("lost-") &&
          !one.place.starts_with("the index")) {
        wrong("verify finds what readers do not see: " + one.place + ": " + one.what);
      }
    }
    return std::move(verdict_);
  }

 private:
  void wrong(std::string what) {
    if (verdict_.wrong.size() < 8) verdict_.wrong.push_back(std::move(what));
  }

  void check(std::string stream, const Event& event) {
    if (stream.starts_with("lost-")) {
      const auto known = truth_.order.find(event.sequence.value);
      // What was truncated or deleted may come back where the record that said so was lost.
      if (known == truth_.order.end()) return;
      stream = known->second.first;
    }
    if (const auto other = difference_at_offset(stream, event); !other.empty()) wrong(other);
    const auto of = truth_.streams.find(stream);
    if (of == truth_.streams.end()) return;
    if (event.offset.value < of->second.start) return;  // read_stream says that it came back
    const auto known = of->second.sequences.find(event.offset.value);
    if (known == of->second.sequences.end() || known->second != event.sequence.value) {
      wrong(stream + " at " + std::to_string(event.offset.value) + ": sequence " +
            std::to_string(event.sequence.value));
      return;
    }
    verdict_.read.insert(event.sequence.value);
  }

  void read_stream(const std::string& name, const Truth::Stream& stream) {
    const auto info = log_.describe(name);
    if (!info) {
      verdict_.gone.push_back(name);
      verdict_.lost_events += stream.tail - stream.start;
      return;
    }
    if (info->start.value < stream.start) {
      verdict_.came_back.push_back(name);
    } else if (info->start.value != stream.start) {
      wrong(name + " starts at " + std::to_string(info->start.value));
    }
    if (info->tail.value > stream.tail) {
      wrong(name + " ends at " + std::to_string(info->tail.value));
    }
    auto cursor = log_.read({.select = Selection::stream(name), .from = From::position(0)});
    if (!cursor) return wrong(name + ": " + cursor.error().message);
    uint64_t at = 0;
    while (true) {
      const auto delivery = (*cursor)->next();
      if (!delivery) return wrong(name + ": " + delivery.error().message);
      if (!*delivery) break;
      if (const auto* gap = std::get_if<Gap>(&**delivery)) {
        if (gap->from != at || gap->to <= gap->from) wrong(name + ": a gap out of place");
        at = gap->to;
        if (gap->reason == GapReason::damaged) {
          lose(name, stream, *gap);
        } else if (gap->to > stream.start) {
          wrong(name + ": a gap past its start");
        }
      } else if (const auto* events = std::get_if<Events>(&**delivery)) {
        for (const Event event : *events) {
          if (event.offset.value != at++) wrong(name + ": an offset out of order");
          check(name, event);
        }
      }
    }
    if (at != info->tail.value) wrong(name + ": read to " + std::to_string(at));
  }

  void lose(const std::string& name, const Truth::Stream& stream, const Gap& gap) {
    verdict_.lost.push_back({name, gap.from, gap.to});
    verdict_.lost_events += gap.to - gap.from;
    verdict_.lost_batches += std::ranges::count_if(stream.batches, [&](const auto& batch) {
      return batch.first < gap.to && batch.second > gap.from;
    });
    verdict_.details.push_back(gap.detail);
    if (gap.detail.empty()) wrong(name + ": a gap that names no place");
  }

  void read_order(uint64_t tail) {
    auto cursor = log_.read({.from = From::position(0)});
    if (!cursor) return wrong("$all: " + cursor.error().message);
    uint64_t at = 0;
    while (true) {
      const auto delivery = (*cursor)->next();
      if (!delivery) return wrong("$all: " + delivery.error().message);
      if (!*delivery) break;
      if (const auto* gap = std::get_if<Gap>(&**delivery)) {
        if (gap->from != at || gap->to <= gap->from) wrong("$all: a gap out of place");
        if (gap->reason == GapReason::damaged) {
          verdict_.lost_in_order += gap->to - gap->from;
          verdict_.details.push_back(gap->detail);
        } else {
          for (; at < gap->to; ++at) {
            if (truth_.order.contains(at)) wrong("$all: a gap over an event that was kept");
          }
        }
        at = gap->to;
      } else if (const auto* events = std::get_if<Events>(&**delivery)) {
        for (const Event event : *events) {
          if (event.sequence.value != at++) wrong("$all: a sequence out of order");
          check(std::string(events->stream()), event);
          seen_[event.sequence.value] = {std::string(event.type()), std::string(event.subject())};
        }
      }
    }
    if (at != tail) wrong("$all: read to " + std::to_string(at));
  }

  // Whoever reads with a filter is given all that readers without one are, of what it takes.
  void read_filtered(ReadOptions read) {
    const EventFilter filter = read.filter();
    read.from = From::position(0);
    auto cursor = log_.read(std::move(read));
    if (!cursor) return wrong("with a filter: " + cursor.error().message);
    std::set<uint64_t> given;
    while (true) {
      const auto delivery = (*cursor)->next();
      if (!delivery) return wrong("with a filter: " + delivery.error().message);
      if (!*delivery) break;
      const auto* events = std::get_if<Events>(&**delivery);
      if (!events) continue;
      for (const Event event : *events) {
        if (!filter.matches(event.type(), event.subject())) wrong("the filter does not take it");
        if (!given.empty() && event.sequence.value <= *given.rbegin()) {
          wrong("with a filter: a sequence out of order");
        }
        check(std::string(events->stream()), event);
        given.insert(event.sequence.value);
      }
    }
    for (const auto& [sequence, event] : seen_) {
      if (filter.matches(event.first, event.second) && !given.contains(sequence)) {
        wrong("with a filter: not given " + std::to_string(sequence));
      }
    }
  }

  const Log& log_;
  const Truth& truth_;
  Verdict verdict_;
  std::map<uint64_t, std::pair<std::string, std::string>> seen_;  // types and subjects, in order
};

}  // namespace

Verdict judge(const Log& log, const Truth& truth) { return Judge(log, truth).run(); }

}  // namespace strandline::tests
