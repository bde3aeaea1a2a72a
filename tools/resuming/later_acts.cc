#include "tools/resuming/later_acts.h"

#include <fmt/format.h>
#include <rapidjson/document.h>

#include <algorithm>
#include <iterator>

#include "tools/base/lines.h"
#include "tools/client/exchange.h"

namespace strandline::tools {

namespace {

// Of the first half of a receipt: a request for each stream. False: it does not say where all was.
bool take_erasure(const rapidjson::Value& event, std::vector<EraseRequest>& erased) {
  if (!event.HasMember("data") || !event["data"].IsObject()) return false;
  const rapidjson::Value& data = event["data"];
  if (!data.HasMember("all_offsets") || !data["all_offsets"].IsTrue()) return false;
  std::vector<EraseRequest> requests;
  for (const rapidjson::Value& one : array_of(data, "streams")) {
    EraseRequest request{
        .select = Selection::stream(std::string(text_of(one, "stream"))),
        .data_only = text_of(data, "what") == "data",
        .reason = fmt::format("erasure {}, after a restore", text_of(event, "subject"))};
    for (const rapidjson::Value& range : array_of(one, "offsets")) {
      if (!range.IsArray() || range.Size() != 2 || !range[0].IsUint64() || !range[1].IsUint64()) {
        return false;
      }
      request.offsets.push_back({Offset(range[0].GetUint64()), Offset(range[1].GetUint64())});
    }
    requests.push_back(std::move(request));
  }
  std::ranges::move(requests, std::back_inserter(erased));
  return true;
}

}  // namespace

Result<LaterActs> read_later_acts(const std::string& path, uint64_t from) {
  auto lines = Lines::open(path);
  if (!lines) return std::unexpected(lines.error());
  LaterActs acts;
  while (true) {
    auto line = lines->next();
    if (!line) return std::unexpected(line.error());
    if (!*line) return acts;
    if ((*line)->empty()) continue;
    rapidjson::Document event;
    event.Parse((*line)->data(), (*line)->size());
    const auto wrong = [&](const char* why) {
      return fail(Code::invalid, fmt::format("{}, line {}: {}; it is to be what `strandline export "
                                             "'$admin' --full` writes",
                                             path, lines->count(), why));
    };
    if (event.HasParseError() || !event.IsObject()) return wrong("it is no JSON object");
    if (text_of(event, "stream") != kAdminStream) return wrong("it is no event of $admin");
    if (!event.HasMember("offset") || !event["offset"].IsUint64()) return wrong("it has no offset");
    if (event["offset"].GetUint64() < from) continue;
    ++acts.acts;
    const std::string_view type = text_of(event, "type");
    const std::string subject(text_of(event, "subject"));
    if (type == "strandline.key.revoked") acts.revoked.push_back(subject);
    if (type == "strandline.key.rotated") acts.rotated.push_back(subject);
    // A key that was made since is not in the backup. One that is made anew is good again.
    if (type == "strandline.key.created") std::erase(acts.revoked, subject);
    const bool again = type == "strandline.erasure.begun" && take_erasure(event, acts.erased);
    if ((type == "strandline.erasure.begun" && !again) || type == "strandline.gap") {
      acts.rest.push_back(fmt::format("line {} ({}, {})", lines->count(), type, subject));
    }
  }
}

Result<uint64_t> apply(const LaterActs& acts, Log& log) {
  uint64_t applied = 0;
  for (const std::string& key : acts.revoked) {
    auto revoked = log.revoke_key(key);
    if (!revoked && revoked.error().code == Code::not_found) continue;
    if (!revoked) return std::unexpected(std::move(revoked.error()));
    ++applied;
  }
  for (const EraseRequest& request : acts.erased) {
    const auto erased = log.erase(request);
    if (!erased && erased.error().code == Code::not_found) continue;  // it came after the backup
    if (!erased) return std::unexpected(erased.error());
    applied += erased->events > 0;
  }
  return applied;
}

}  // namespace strandline::tools
