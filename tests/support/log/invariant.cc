#include "tests/support/log/invariant.h"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "tests/support/log/payload.h"
#include "tests/support/log/reader.h"

namespace strandline::tests {

Stored stored_in(const Log& log) {
  Stored stored;
  for (const StreamInfo& info : log.list("", "", std::numeric_limits<size_t>::max())) {
    Stored::Stream& stream = stored.streams[info.name];
    stream.start = info.start.value;
    stream.tail = info.tail.value;
    const Transcript read = read_all(log, {.select = Selection::stream(info.name)});
    for (const Seen& seen : read.events) {
      if (seen.offset != stream.start + stream.events.size()) {
        stored.wrong.push_back(info.name + ": a hole before " + std::to_string(seen.offset));
      }
      if (!seen.difference.empty()) stored.wrong.push_back(seen.difference);
      stream.events.push_back({seen.id, seen.sequence});
    }
    for (const SeenGap& gap : read.gaps) {
      stored.wrong.push_back(info.name + ": gap " + name_of(gap.gap.reason) + " at " +
                             std::to_string(gap.gap.from) + " " + gap.gap.detail);
    }
  }
  for (const auto& position : log.positions("", std::numeric_limits<size_t>::max())) {
    stored.positions[{position.consumer, position.stream}] = position.next;
  }
  return stored;
}

Stored stored_at(const Address& address, const std::vector<std::string>& consumers) {
  Stored stored;
  HttpClient client(address);
  const Json list = client.get("/v1/streams?limit=1000").json()["streams"];
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string name = list[i]["stream"].str();
    Stored::Stream& stream = stored.streams[name];
    stream.start = list[i]["start"].number();
    stream.tail = list[i]["tail"].number();
    for (uint64_t next = stream.start; next < stream.tail;) {
      const Json page =
          client.get("/v1/streams/" + name + "/events?limit=5000&from=" + std::to_string(next))
              .json();
      const Json events = page["events"];
      for (size_t e = 0; e < events.size(); ++e) {
        const uint64_t offset = events[e]["offset"].number();
        if (offset != stream.start + stream.events.size()) {
          stored.wrong.push_back(name + ": a hole before " + std::to_string(offset));
        }
        const std::string wrong = difference(name, events[e]);
        if (!wrong.empty()) stored.wrong.push_back(wrong);
        stream.events.push_back({events[e]["id"].str(), events[e]["sequence"].number()});
      }
      if (page["next"].number() <= next) {
        stored.wrong.push_back(name + ": no progress at " + std::to_string(next));
        break;
      }
      next = page["next"].number();
    }
    for (const std::string& consumer : consumers) {
      const Response position = client.get("/v1/consumers/" + consumer + "/positions/" + name);
      if (position.status == 200) {
        stored.positions[{consumer, name}] = position.json()["next"].number();
      }
    }
  }
  return stored;
}

Ledger::Ticket Ledger::sent(const std::string& stream, std::vector<std::string> ids) {
  const std::lock_guard lock(mutex_);
  sent_.push_back({.stream = stream, .ids = std::move(ids), .sent_at = ++now_});
  return sent_.size() - 1;
}

void Ledger::acknowledged(Ticket ticket, uint64_t first, uint64_t sequence) {
  const std::lock_guard lock(mutex_);
  const Sent& before = sent_[ticket];
  if (before.answered_at != 0) {
    if (before.first == first && before.sequence == sequence) return;
    moved_.push_back(before.stream + ": " + before.ids[0] + " was acknowledged at " +
                     std::to_string(before.first) + " and at " + std::to_string(first));
  } else {
    acknowledged_events_ += before.ids.size();
  }
  sent_[ticket].answered_at = ++now_;
  sent_[ticket].first = first;
  sent_[ticket].sequence = sequence;
}

void Ledger::refused(Ticket ticket) {
  const std::lock_guard lock(mutex_);
  sent_[ticket].refused = true;
}

void Ledger::shown(const std::string& stream, uint64_t offset, const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto [at, fresh] = shown_[stream].emplace(offset, id);
  if (!fresh && at->second != id) {
    shown_twice_.push_back(stream + " at " + std::to_string(offset) + " was shown as " +
                           at->second + " and as " + id);
  }
}

void Ledger::committed(const std::string& consumer, const std::string& stream, uint64_t next) {
  const std::lock_guard lock(mutex_);
  uint64_t& known = committed_[{consumer, stream}];
  known = std::max(known, next);
}

size_t Ledger::acknowledged_events() const {
  const std::lock_guard lock(mutex_);
  return acknowledged_events_;
}

size_t Ledger::shown_events() const {
  const std::lock_guard lock(mutex_);
  size_t events = 0;
  for (const auto& [stream, shown] : shown_) events += shown.size();
  return events;
}

std::vector<std::string> Ledger::violations(const Stored& stored) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> found = stored.wrong;
  found.insert(found.end(), moved_.begin(), moved_.end());
  const auto complain = [&](const std::string& stream, uint64_t offset, const std::string& what) {
    found.push_back(stream + " at " + std::to_string(offset) + ": " + what);
  };

  // 2: contiguity. And an index by id, for the rest.
  struct Place {
    uint64_t offset;
    uint64_t sequence;
    size_t times;
  };
  std::map<std::string, std::unordered_map<std::string, Place>> places;
  std::vector<uint64_t> sequences;
  for (const auto& [name, stream] : stored.streams) {
    if (stream.start + stream.events.size() != stream.tail) {
      complain(name, stream.start + stream.events.size(),
               "events end before the tail, " + std::to_string(stream.tail));
    }
    for (size_t i = 0; i < stream.events.size(); ++i) {
      const Stored::Entry& entry = stream.events[i];
      sequences.push_back(entry.sequence);
      Place& place =
          places[name].try_emplace(entry.id, stream.start + i, entry.sequence, 0).first->second;
      if (++place.times == 2) complain(name, stream.start + i, entry.id + " is there twice");
    }
  }
  std::ranges::sort(sequences);
  if (std::ranges::adjacent_find(sequences) != sequences.end()) {
    found.push_back("a sequence number is there twice");
  }

  // 1 and 4, append by append.
  struct Ordered {
    uint64_t sequence, sent_at, answered_at;
  };
  std::vector<Ordered> order;
  for (const Sent& sent : sent_) {
    const auto stream = stored.streams.find(sent.stream);
    const uint64_t start = stream == stored.streams.end() ? 0 : stream->second.start;
    size_t there = 0;
    for (size_t i = 0; i < sent.ids.size(); ++i) {
      const auto& ids = places[sent.stream];
      const auto place = ids.find(sent.ids[i]);
      const uint64_t offset = sent.first + i;
      if (place == ids.end()) {
        if (sent.answered_at != 0 && offset >= start) {
          complain(sent.stream, offset, sent.ids[i] + " was acknowledged and is not there");
        }
        continue;
      }
      ++there;
      if (sent.refused) complain(sent.stream, place->second.offset, "this append was refused");
      if (sent.answered_at != 0 &&
          (place->second.offset != offset || place->second.sequence != sent.sequence + i)) {
        complain(sent.stream, place->second.offset,
                 sent.ids[i] + " was acknowledged at " + std::to_string(offset) + ", sequence " +
                     std::to_string(sent.sequence + i));
      }
      order.push_back({place->second.sequence, sent.sent_at, sent.answered_at});
    }
    if (sent.answered_at == 0 && there != 0 && there != sent.ids.size() && start == 0) {
      found.push_back(sent.stream + ": half of an append is there, from " + sent.ids[0]);
    }
  }

  // 3: walking down the order, nothing later may have been acknowledged before this was sent.
  std::ranges::sort(order, std::greater{}, &Ordered::sequence);
  uint64_t earliest_answer = std::numeric_limits<uint64_t>::max();
  for (const Ordered& event : order) {
    if (earliest_answer < event.sent_at) {
      found.push_back("sequence " + std::to_string(event.sequence) +
                      " was sent after a later one had been acknowledged");
    }
    if (event.answered_at != 0) earliest_answer = std::min(earliest_answer, event.answered_at);
  }

  // 5.
  found.insert(found.end(), shown_twice_.begin(), shown_twice_.end());
  for (const auto& [name, shown] : shown_) {
    const auto stream = stored.streams.find(name);
    for (const auto& [offset, id] : shown) {
      if (stream == stored.streams.end() || offset >= stream->second.tail) {
        complain(name, offset, id + " was shown and is not there");
      } else if (offset >= stream->second.start &&
                 offset - stream->second.start < stream->second.events.size() &&
                 stream->second.events[offset - stream->second.start].id != id) {
        complain(name, offset, id + " was shown and another is there");
      }
    }
  }

  // 6.
  for (const auto& [key, next] : committed_) {
    const auto position = stored.positions.find(key);
    if (position == stored.positions.end() || position->second < next) {
      complain(key.second, next, "the position of " + key.first + " went back");
    }
  }
  for (const auto& [key, next] : stored.positions) {
    const auto stream = stored.streams.find(key.second);
    if (stream != stored.streams.end() && next > stream->second.tail) {
      complain(key.second, next, "the position of " + key.first + " is past the tail");
    }
  }
  if (found.size() > 20) found.resize(20);
  return found;
}

}  // namespace strandline::tests
