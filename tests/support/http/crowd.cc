#include "tests/support/http/crowd.h"

#include <poll.h>

#include "tests/support/log/payload.h"

namespace strandline::tests {

const std::vector<std::string>& Crowd::streams() {
  static const std::vector<std::string> names = {"shared.1", "shared.2", "shared.3"};
  return names;
}

const std::vector<std::string>& Crowd::consumers() {
  static const std::vector<std::string> names = {"keeper"};
  return names;
}

namespace {

bool follows_all(int member) { return member % 4 == 3; }

// The stream that a follower follows, if not all of them.
const std::string& followed(int member) {
  return Crowd::streams()[static_cast<size_t>(member) % Crowd::streams().size()];
}

bool counts(int member) { return member % 4 == 3; }

// An appender's own position: how many of its events are in the log.
std::string counter_of(int member) { return "member." + std::to_string(member); }

// A member's name and a number that it uses once.
std::vector<std::string> new_ids(int member, uint64_t& number, uint64_t count) {
  std::vector<std::string> ids;
  while (ids.size() < count) ids.push_back(std::to_string(member) + ":" + std::to_string(number++));
  return ids;
}

std::string json_of(const std::string& stream, const std::vector<std::string>& ids) {
  std::string text = "[";
  for (const std::string& id : ids) {
    if (text.size() > 1) text += ',';
    text += json_event(stream, id);
  }
  return text + "]";
}

}  // namespace

Crowd::Crowd(Ledger& ledger, Address address, uint64_t seed, int appenders, int followers)
    : ledger_(ledger), address_(std::move(address)), next_(static_cast<size_t>(followers)) {
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

void Crowd::start_appending() {
  const std::lock_guard lock(mutex_);
  appending_ = true;
  changed_.notify_all();
}

void Crowd::stop_appending() {
  std::unique_lock lock(mutex_);
  appending_ = false;
  changed_.wait(lock, [&] { return inside_ == 0; });
}

bool Crowd::enter() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return appending_ || finishing_; });
  if (finishing_) return false;
  ++inside_;
  return true;
}

void Crowd::leave() {
  const std::lock_guard lock(mutex_);
  --inside_;
  changed_.notify_all();
}

void Crowd::end_server(const std::function<void()>& end) {
  ++ends_;
  end();
  ++ends_;
  stop_appending();
}

void Crowd::finish() {
  {
    const std::lock_guard lock(mutex_);
    finishing_ = true;
    appending_ = false;
    changed_.notify_all();
  }
  for (std::jthread& member : members_) {
    if (member.joinable()) member.join();
  }
}

bool Crowd::visit(const std::string& who, const std::function<void()>& talk) {
  const uint64_t ends = ends_;
  try {
    talk();
    return true;
  } catch (const ConnectionRefused&) {
    poll(nullptr, 0, 2);  // the next server is on its way
    return true;
  } catch (const ConnectionLost& lost) {
    // What was under way has no answer.
    if (ends % 2 == 1 || ends_ != ends) return true;
    complain(who + ", of a server that lives: " + lost.what());
  } catch (const std::exception& error) {
    complain(who + ": " + error.what());
  }
  return false;
}

bool Crowd::followers_are_at_tail(const Stored& stored) const {
  uint64_t sequences = 0;
  for (const auto& [name, stream] : stored.streams) sequences += stream.tail;
  for (size_t m = 0; m < next_.size(); ++m) {
    const int member = static_cast<int>(m);
    const uint64_t tail =
        follows_all(member) ? sequences : stored.streams.at(followed(member)).tail;
    if (next_[m] != tail) return false;
  }
  return true;
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
  uint64_t number = 0;
  for (bool goes_on = true; goes_on && enter(); leave()) {
    goes_on = visit("appender " + std::to_string(member), [&] {
      HttpClient client(address_);
      std::optional<uint64_t> counted;
      while (appending_) {
        if (counts(member)) {
          append_and_count(client, member, random, number, counted);
        } else {
          append_to(client, member, random, number);
        }
      }
    });
  }
}

void Crowd::append_to(HttpClient& client, int member, std::mt19937_64& random, uint64_t& number) {
  const std::string& stream = streams()[random() % streams().size()];
  const std::vector<std::string> ids = new_ids(member, number, 1 + random() % 4);
  const Ledger::Ticket ticket = ledger_.sent(stream, ids);
  const Response response = client.post("/v1/streams/" + stream + "/events", json_of(stream, ids));
  if (response.status != 201) {
    const Json problem = response.json();
    if (problem["applied"].str() == "not-applied") ledger_.refused(ticket);
    if (response.status != 503) complain(response.body);
    return;
  }
  const Json appended = response.json();
  ledger_.acknowledged(ticket, appended["first"].number(), appended["sequence"].number());
  if (random() % 16 != 0) return;
  // Now and then a position, which only ever goes forward: to the tail just acknowledged.
  const uint64_t next = appended["next"].number();
  const Response committed = client.send("PUT", "/v1/consumers/keeper/positions/" + stream,
                                         "{\"next\":" + std::to_string(next) + "}",
                                         {{"Content-Type", "application/json"}});
  // Another member may have been ahead: then it is refused, for positions never go back.
  if (committed.status == 200) ledger_.committed("keeper", stream, next);
}

void Crowd::append_and_count(HttpClient& client, int member, std::mt19937_64& random,
                             uint64_t& number, std::optional<uint64_t>& counted) {
  if (!counted) {
    // The last life may have ended without an answer: what is counted is known to the log alone.
    const Response position =
        client.get("/v1/consumers/" + counter_of(member) + "/positions/$import");
    counted = position.status == 200 ? position.json()["next"].number() : 0;
  }
  const std::string& stream = streams()[random() % streams().size()];
  const std::vector<std::string> ids = new_ids(member, number, 1 + random() % 4);
  const Ledger::Ticket ticket = ledger_.sent(stream, ids);
  const Response response = client.post(
      "/v1/append", R"({"appends":[{"stream":")" + stream + R"(","events":)" +
                        json_of(stream, ids) + R"(}],"commit":{"consumer":")" + counter_of(member) +
                        R"(","stream":"$import","expected":)" + std::to_string(*counted) +
                        ",\"next\":" + std::to_string(*counted + ids.size()) + "}}");
  if (response.status != 201) {
    const Json problem = response.json();
    if (problem["applied"].str() == "not-applied") ledger_.refused(ticket);
    if (response.status != 503) complain(response.body);
    counted.reset();
    return;
  }
  const Json appended = response.json()["appends"][0];
  ledger_.acknowledged(ticket, appended["first"].number(), appended["sequence"].number());
  *counted += ids.size();
}

std::vector<std::string> Crowd::miscounts(const Address& address, const Stored& stored) const {
  std::map<std::string, uint64_t> there, counted;
  for (const auto& [name, stream] : stored.streams) {
    for (const Stored::Entry& entry : stream.events) {
      const int member = std::stoi(entry.id);
      if (counts(member)) ++there[counter_of(member)];
    }
  }
  HttpClient client(address);
  const Json list = client.get("/v1/consumers?limit=10000&prefix=member.").json()["positions"];
  for (size_t i = 0; i < list.size(); ++i) {
    counted[list[i]["consumer"].str()] = list[i]["next"].number();
  }
  std::vector<std::string> found;
  for (const auto& [name, count] : there) counted.try_emplace(name, 0);
  for (const auto& [name, count] : counted) {
    if (there[name] == count) continue;
    found.push_back(name + " counts " + std::to_string(count) + " events, and " +
                    std::to_string(there[name]) + " are there");
  }
  return found;
}

void Crowd::follow(int member, uint64_t seed) {
  std::mt19937_64 random(seed);
  const bool all = follows_all(member);
  const std::string stream = all ? "" : followed(member);
  const std::string target =
      all ? "/v1/all/events?follow=true" : "/v1/streams/" + stream + "/events?follow=true";
  std::atomic<uint64_t>& next = next_[static_cast<size_t>(member)];
  const auto read = [&] {
    // In turn: server-sent events, and NDJSON.
    const bool sse = random() % 2 == 0;
    Headers headers{{"Accept", sse ? "text/event-stream" : "application/x-ndjson"}};
    if (sse && next > 0) headers.emplace_back("Last-Event-ID", std::to_string(next - 1));
    HttpStream feed(address_, sse ? target : target + "&from=" + std::to_string(next), headers);
    if (feed.status() == 404 && next == 0) {
      poll(nullptr, 0, 2);  // nothing was appended yet
      return;
    }
    if (feed.status() != 200) {
      throw ConnectionLost("from " + std::to_string(next) + " was answered with " +
                           std::to_string(feed.status()));
    }
    while (auto line = feed.line()) {
      if (sse && !line->starts_with("data: ")) continue;
      if (sse) line->erase(0, 6);
      if (!line->empty()) take(stream, *line, all ? "sequence" : "offset", next);
    }
    throw ConnectionLost("the answer ended");
  };
  while (!finishing_ && visit("follower of " + (all ? "$all" : stream), read)) {
  }
}

void Crowd::take(const std::string& wanted, const std::string& text, const char* place,
                 std::atomic<uint64_t>& next) {
  const Json event = Json::parse(text);
  if (!event.has("offset")) {
    complain(wanted + ": " + text);
    return;
  }
  const std::string stream = wanted.empty() ? event["stream"].str() : wanted;
  const uint64_t at = event[place].number();
  if (at != next) {
    complain(stream + ": got " + place + " " + std::to_string(at) + " where " +
             std::to_string(next) + " was due");
  }
  const std::string wrong = difference(stream, event);
  if (!wrong.empty()) complain(wrong);
  ledger_.shown(stream, event["offset"].number(), event["id"].str());
  next = at + 1;
}

}  // namespace strandline::tests
