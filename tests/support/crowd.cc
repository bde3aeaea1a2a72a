#include "tests/support/crowd.h"

#include "tests/support/payload.h"

namespace strandline::tests {

const std::vector<std::string>& Crowd::streams() {
  static const std::vector<std::string> names = {"shared.1", "shared.2", "shared.3"};
  return names;
}

const std::vector<std::string>& Crowd::consumers() {
  static const std::vector<std::string> names = {"keeper"};
  return names;
}

Crowd::Crowd(Ledger& ledger, uint64_t seed, int appenders, int followers) : ledger_(ledger) {
  for (int m = 0; m < appenders; ++m) {
    members_.emplace_back([this, m, seed] { append(m, seed + m); });
  }
  for (int m = 0; m < followers; ++m) {
    members_.emplace_back([this, m, seed] { follow(m, seed + 1000 + m); });
  }
}

Crowd::~Crowd() {
  finish();
  members_.clear();
}

void Crowd::serve(const Address& address) {
  const std::lock_guard lock(mutex_);
  address_ = address;
  ++generation_;
  served_.notify_all();
}

void Crowd::finish() {
  {
    const std::lock_guard lock(mutex_);
    finishing_ = true;
    served_.notify_all();
  }
  for (std::jthread& member : members_) {
    if (member.joinable()) member.join();
  }
}

std::optional<Address> Crowd::next_server(uint64_t& generation) {
  std::unique_lock lock(mutex_);
  served_.wait(lock, [&] { return finishing_ || generation_ > generation; });
  if (generation_ == generation) return std::nullopt;
  generation = generation_;
  return address_;
}

bool Crowd::wait_for_acknowledged(size_t more) const {
  const size_t wanted = ledger_.acknowledged_events() + more;
  return eventually([&] { return ledger_.acknowledged_events() >= wanted; });
}

void Crowd::complain(const std::string& what) {
  const std::lock_guard lock(mutex_);
  complaints_.push_back(what);
}

std::vector<std::string> Crowd::complaints() const {
  const std::lock_guard lock(mutex_);
  return complaints_;
}

void Crowd::append(int member, uint64_t seed) {
  std::mt19937_64 random(seed);
  uint64_t generation = 0, number = 0;
  while (const auto address = next_server(generation)) {
    try {
      HttpClient client(*address);
      for (;;) {
        {
          const std::lock_guard lock(mutex_);
          if (finishing_) return;
        }
        append_to(client, member, random, number);
      }
    } catch (const ConnectionLost&) {
      // Killed. What was under way has no answer, and the next server is waited for.
    } catch (const std::exception& error) {
      complain(error.what());
      return;
    }
  }
}

void Crowd::append_to(HttpClient& client, int member, std::mt19937_64& random, uint64_t& number) {
  // Now and then a position instead, which only ever goes forward: to the tail just acknowledged.
  const std::string& stream = streams()[random() % streams().size()];
  std::vector<std::string> ids;
  std::string body = "[";
  for (uint64_t i = 0, count = 1 + random() % 10; i < count; ++i) {
    // A member's name and a number that it uses once.
    ids.push_back(std::to_string(member) + ":" + std::to_string(number++));
    if (i > 0) body += ',';
    body += json_event(stream, ids.back());
  }
  const Ledger::Ticket ticket = ledger_.sent(stream, ids);
  const Response response = client.post("/v1/streams/" + stream + "/events", body + "]");
  if (response.status != 201) {
    const Json problem = response.json();
    if (problem["applied"].str() == "not-applied") ledger_.refused(ticket);
    if (response.status != 503) complain(response.body);
    return;
  }
  const Json appended = response.json();
  ledger_.acknowledged(ticket, appended["first"].number(), appended["sequence"].number());
  if (random() % 16 != 0) return;
  const uint64_t next = appended["next"].number();
  const Response committed = client.send("PUT", "/v1/consumers/keeper/positions/" + stream,
                                         "{\"next\":" + std::to_string(next) + "}",
                                         {{"Content-Type", "application/json"}});
  // Another member may have been ahead: then it is refused, for positions never go back.
  if (committed.status == 200) ledger_.committed("keeper", stream, next);
}

void Crowd::follow(int member, uint64_t seed) {
  std::mt19937_64 random(seed);
  const std::string& stream = streams()[static_cast<size_t>(member) % streams().size()];
  uint64_t generation = 0, next = 0;
  while (const auto address = next_server(generation)) {
    try {
      // In turn: server-sent events, and NDJSON.
      const bool sse = random() % 2 == 0;
      HttpStream feed(*address,
                      "/v1/streams/" + stream + "/events?follow=true&from=" + std::to_string(next),
                      {{"Accept", sse ? "text/event-stream" : "application/x-ndjson"}});
      if (feed.status() == 404 && next == 0) {
        // Nothing was appended yet; this follower begins with the next server.
        continue;
      }
      if (feed.status() != 200) {
        complain(stream + ": following from " + std::to_string(next) + " was answered with " +
                 std::to_string(feed.status()));
        return;
      }
      while (auto line = feed.line()) {
        if (sse && !line->starts_with("data: ")) continue;
        if (sse) line->erase(0, 6);
        if (line->empty()) continue;
        const Json event = Json::parse(*line);
        if (!event.has("offset")) {
          complain(stream + ": " + *line);
          continue;
        }
        const uint64_t offset = event["offset"].number();
        if (offset != next) {
          complain(stream + ": got " + std::to_string(offset) + " where " + std::to_string(next) +
                   " was due");
        }
        const std::string wrong = difference(stream, event);
        if (!wrong.empty()) complain(wrong);
        ledger_.shown(stream, offset, event["id"].str());
        next = offset + 1;
      }
    } catch (const ConnectionLost&) {
      // Killed. It resumes where it was.
    } catch (const std::exception& error) {
      complain(stream + ": " + error.what());
      return;
    }
  }
}

}  // namespace strandline::tests
