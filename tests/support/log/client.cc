#include "tests/support/log/client.h"

#include <fmt/format.h>

#include "tests/support/log/payload.h"
#include "tests/support/log/reader.h"

namespace strandline::tests {
namespace {

using Told = Operation::Outcome;

}  // namespace

void Client::append(const std::string& stream, std::vector<std::string> ids,
                    std::optional<uint64_t> expected, std::optional<Move> move) {
  Operation operation{.client = number_,
                      .invoked = recorder_.now(),
                      .ids = std::move(ids),
                      .expected = expected,
                      .move = std::move(move)};
  std::optional<Answer> answer;
  try {
    answer = ask_append(stream, operation);
  } catch (const Gone& gone) {
    operation.outcome = Told::unknown;
    if (gone.may_be_applied) recorder_.add(stream, std::move(operation));
    throw;
  }
  if (!answer) return;
  operation.outcome = answer->outcome;
  operation.number = answer->number;
  const bool done = operation.outcome == Told::done;
  if (operation.ids.empty() && done) {
    positions_[{stream, operation.move->consumer}] = answer->number;
  } else if (done) {
    next_[stream] = answer->number + operation.ids.size();
    if (operation.move) positions_[{stream, operation.move->consumer}] = operation.move->next;
  } else if (operation.outcome == Told::conflict && !operation.move) {
    next_[stream] = answer->number;
  }
  recorder_.add(stream, std::move(operation));
}

void Client::read(const std::string& stream, uint64_t from) {
  Operation operation{
      .kind = Operation::Kind::read, .client = number_, .invoked = recorder_.now(), .number = from};
  auto page = ask_read(stream, from);
  if (!page) return;
  operation.ids = std::move(page->ids);
  operation.to_tail = page->to_tail;
  next_[stream] = std::max(next_[stream], from + operation.ids.size());
  recorder_.add(stream, std::move(operation));
}

void Client::position(const std::string& stream, const std::string& consumer) {
  Operation operation{.kind = Operation::Kind::position,
                      .client = number_,
                      .invoked = recorder_.now(),
                      .consumer = consumer};
  const auto position = ask_position(stream, consumer);
  if (!position) return;
  operation.number = *position;
  positions_[{stream, consumer}] = operation.number;
  recorder_.add(stream, std::move(operation));
}

uint64_t Client::next(const std::string& stream) const {
  const auto found = next_.find(stream);
  return found == next_.end() ? 0 : found->second;
}

uint64_t Client::stands_at(const std::string& stream, const std::string& consumer) const {
  const auto found = positions_.find({stream, consumer});
  return found == positions_.end() ? 0 : found->second;
}

// --- Of the engine's log.

std::optional<Client::Answer> LogClient::ask_append(const std::string& stream,
                                                    const Operation& operation) {
  AppendMany request;
  if (!operation.ids.empty()) {
    Expected expected;
    if (operation.expected) expected = Offset{*operation.expected};
    request.parts.push_back({stream, batch(stream, operation.ids), expected});
  }
  if (const auto& move = operation.move) {
    request.commits.push_back({move->consumer, stream, move->expected, move->next});
  }
  const auto appended = log_.append(std::move(request));
  if (appended) {
    const bool commit = operation.ids.empty();
    return Answer{Told::done, commit ? operation.move->next : appended->front().first.value};
  }
  const Error& error = appended.error();
  if (error.code == Code::conflict) return Answer{Told::conflict, error.current.value()};
  if (error.code == Code::out_of_range) return Answer{Told::out_of_range, error.available->tail};
  if (failing_ && error.code == Code::outcome_unknown) return Answer{Told::unknown};
  if (failing_ && error.code == Code::sealed) throw Gone(error.message, false);
  wrong_.push_back(fmt::format("{}: an append is answered: {}", stream, error.message));
  return std::nullopt;
}

std::optional<Client::Page> LogClient::ask_read(const std::string& stream, uint64_t from) {
  auto cursor = log_.read({.select = Selection::stream(stream), .from = From::position(from)});
  if (!cursor && cursor.error().code == Code::not_found && from == 0) return Page{.to_tail = true};
  if (!cursor) {
    wrong_.push_back(fmt::format("{}: a read at {}: {}", stream, from, cursor.error().message));
    return std::nullopt;
  }
  const Transcript read = read_all(**cursor);
  Page page{.to_tail = true};
  for (const Seen& seen : read.events) {
    if (!seen.difference.empty()) wrong_.push_back(seen.difference);
    if (seen.offset != from + page.ids.size()) wrong_.push_back(stream + ": a hole");
    page.ids.push_back(seen.id);
  }
  for (const SeenGap& gap : read.gaps) wrong_.push_back(stream + ": a gap, " + gap.gap.detail);
  return page;
}

std::optional<uint64_t> LogClient::ask_position(const std::string& stream,
                                                const std::string& consumer) {
  const auto position = log_.position(consumer, stream);
  if (position) return *position;
  if (position.error().code == Code::not_found) return 0;
  wrong_.push_back(fmt::format("{} of {}: {}", stream, consumer, position.error().message));
  return std::nullopt;
}

// --- Over HTTP.

Response ServerClient::ask(const std::string& method, const std::string& target,
                           const std::string& body) {
  try {
    return http_.send(method, target, body,
                      body.empty() ? Headers{} : Headers{{"Content-Type", "application/json"}});
  } catch (const ConnectionLost& lost) {
    if (!failing_) wrong_.push_back(fmt::format("{} {}: {}", method, target, lost.what()));
    throw Gone(lost.what(), true);
  }
}

std::optional<Client::Answer> ServerClient::ask_append(const std::string& stream,
                                                       const Operation& operation) {
  std::string body = "{";
  if (!operation.ids.empty()) {
    body += R"("appends":[{"stream":")" + stream + R"(","events":[)";
    for (const std::string& id : operation.ids) {
      if (!body.ends_with('[')) body += ',';
      body += json_event(stream, id);
    }
    body += ']';
    if (operation.expected) body += ",\"expected\":" + std::to_string(*operation.expected);
    body += "}]";
  }
  if (const auto& move = operation.move) {
    if (body.size() > 1) body += ',';
    body += R"("commit":{"consumer":")" + move->consumer + R"(","stream":")" + stream + '"';
    if (move->expected) body += ",\"expected\":" + std::to_string(*move->expected);
    body += ",\"next\":" + std::to_string(move->next) + '}';
  }
  const Response response = ask("POST", "/v1/append", body + "}");
  const Json json = response.json();
  if (response.status == 201) {
    const bool commit = operation.ids.empty();
    return Answer{Told::done, commit ? operation.move->next : json["appends"][0]["first"].number()};
  }
  // A server that is killed says nothing any more: no other answer has an excuse.
  const std::string type = json["type"].str();
  if (type.ends_with(":conflict")) return Answer{Told::conflict, json["current"].number()};
  if (type.ends_with(":out-of-range")) return Answer{Told::out_of_range, json["tail"].number()};
  wrong_.push_back(stream + ": an append is answered: " + response.body);
  return std::nullopt;
}

std::optional<Client::Page> ServerClient::ask_read(const std::string& stream, uint64_t from) {
  const Response response =
      ask("GET", "/v1/streams/" + stream + "/events?limit=10000&from=" + std::to_string(from));
  if (response.status == 404 && from == 0) return Page{.to_tail = true};
  if (response.status != 200) {
    wrong_.push_back(fmt::format("{}: a read at {}: {}", stream, from, response.body));
    return std::nullopt;
  }
  const Json events = response.json()["events"];
  Page page{.to_tail = events.size() < 10'000};
  for (size_t i = 0; i < events.size(); ++i) {
    const std::string wrong = difference(stream, events[i]);
    if (!wrong.empty()) wrong_.push_back(wrong);
    if (events[i]["offset"].number() != from + i) wrong_.push_back(stream + ": a hole");
    page.ids.push_back(events[i]["id"].str());
  }
  return page;
}

std::optional<uint64_t> ServerClient::ask_position(const std::string& stream,
                                                   const std::string& consumer) {
  const Response response = ask("GET", "/v1/consumers/" + consumer + "/positions/" + stream);
  if (response.status == 200) return response.json()["next"].number();
  if (response.status == 404) return 0;
  wrong_.push_back(fmt::format("{} of {}: {}", stream, consumer, response.body));
  return std::nullopt;
}

}  // namespace strandline::tests
