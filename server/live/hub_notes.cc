// What the hub writes down in `$channels`, and what it reads there when a server begins.
//
// A run's first event is strandline.channels.started: what stands before it belongs to a run that
// has ended. A run that ended without saying so (kill -9) leaves channels that were never vacated
// and users who never left: the next one says so in its place, with the reason restart.
#include <spdlog/spdlog.h>

#include <future>

#include "server/json/json_fields.h"
#include "server/json/json_writer.h"
#include "server/live/hub.h"

namespace strandline::server {
namespace {

constexpr size_t kTogetherMax = 1'000;

// The user of an event, or empty.
std::string user_of(const Event& event) {
  auto fields = JsonFields::parse(event.data(), {"channel", "user", "info", "reason"});
  if (!fields) return {};
  const auto user = fields->string("user");
  return user && *user ? std::string(**user) : std::string();
}

}  // namespace

void Hub::recover() {
  auto cursor = log_.read({.select = Selection::stream(std::string(kChannelsStream)),
                           .from = From::latest(),
                           .backward = true});
  if (!cursor) return;  // nobody has ever been here
  std::set<std::pair<std::string, std::string>> settled, open;
  bool begins = false;
  while (!begins) {
    const auto next = (*cursor)->next();
    if (!next || !*next) break;
    const auto* events = std::get_if<Events>(&**next);
    if (!events) continue;
    for (const Event& event : *events) {
      const std::string_view type = event.type();
      begins = begins || type == kChannelsStarted;
      if (begins) break;
      const std::pair about(std::string(event.subject()), user_of(event));
      if (type == kChannelVacated || type == kMemberLeft) settled.insert(about);
      const bool opens = type == kChannelOccupied || type == kMemberJoined;
      // The newest of it decides, and newer ones come first.
      if (opens && settled.insert(about).second) open.insert(about);
    }
  }
  std::vector<Note> notes;
  for (const auto& [channel, user] : open) {
    if (user.empty()) {
      notes.push_back({kChannelVacated, channel, ",\"reason\":\"restart\""});
      continue;
    }
    std::string details = ",\"user\":";
    render_string(details, user);
    notes.push_back({kMemberLeft, channel, details + ",\"reason\":\"restart\""});
  }
  if (notes.empty()) return;
  // Last, so that whatever ends this is gone through again.
  notes.push_back({kChannelsStarted, "", ""});
  begun_ = true;
  write(std::move(notes));
}

void Hub::write(std::vector<Note> notes) {
  if (notes.empty()) return;
  if (!std::exchange(begun_, true)) notes.insert(notes.begin(), {kChannelsStarted, "", ""});
  BatchBuilder builder(log_.options().limits);
  const auto append = [&] {
    auto batch = builder.finish();
    if (!batch) return;
    std::promise<Result<Appended>> done;
    log_.append_channels(std::move(*batch),
                         [&](Result<Appended> appended) { done.set_value(std::move(appended)); });
    if (const auto appended = done.get_future().get(); !appended) {
      spdlog::warn("who came to channels and left is not written down: {}",
                   appended.error().message);
    }
  };
  for (const Note& note : notes) {
    std::string data = "{\"channel\":";
    render_string(data, note.channel);
    data += note.details + "}";
    const auto added = builder.add({.type = note.type,
                                    .subject = note.channel,
                                    .datacontenttype = "application/json",
                                    .form = DataForm::json,
                                    .data = data});
    if (!added) spdlog::warn("not written down of a channel: {}", added.error().message);
    if (builder.count() >= kTogetherMax) append();
  }
  if (builder.count() > 0) append();
}

}  // namespace strandline::server
