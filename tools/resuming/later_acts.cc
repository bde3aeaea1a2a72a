#include "tools/resuming/later_acts.h"

#include <fmt/format.h>
#include <rapidjson/document.h>

#include <algorithm>

#include "tools/base/lines.h"
#include "tools/client/exchange.h"

namespace strandline::tools {

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
    // A receipt says what was erased by a digest alone.
    if (type == "strandline.erasure.begun" || type == "strandline.gap") {
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
  return applied;
}

}  // namespace strandline::tools
