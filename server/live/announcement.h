// What is told to live clients and stands in no stream: an event of an ephemeral channel, who came
// and who left, how many there are. Printed once, in each wording, for all whom it reaches.
//
// *Memory*: shared, and never changes. *Threads*: any.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "server/live/presence.h"

namespace strandline::server {

// In which protocol a client is spoken to.
enum class Wording : uint8_t { native, pusher };
inline constexpr size_t kWordings = 2;

// Whole frames, as each wording has them.
struct Announcement {
  enum class Kind : uint8_t { event, presence, count };
  Kind kind = Kind::event;
  std::array<std::string, kWordings> frames = {};
  const std::string& of(Wording wording) const { return frames[static_cast<size_t>(wording)]; }
};
using AnnouncementPointer = std::shared_ptr<const Announcement>;

// Of an event that is told and not kept. `event`: as CloudEvents' JSON; `data`: its data, in JSON,
// or empty; `user`: who sent it, if that is known.
struct LiveEvent {
  std::string type;
  std::string event;
  std::string data = {};
  std::string user = {};
};
AnnouncementPointer event_on(std::string_view channel, const LiveEvent& event);
AnnouncementPointer event_to_user(std::string_view user, const LiveEvent& event);
AnnouncementPointer event_to_connection(std::string_view connection, const LiveEvent& event);
AnnouncementPointer joined(std::string_view channel, const ChannelMember& member);
AnnouncementPointer left(std::string_view channel, const ChannelMember& member);
AnnouncementPointer subscribers(std::string_view channel, uint64_t count);

// {"user","info","joined_at"}
void render_member(std::string& out, const ChannelMember& member);
// As Pusher's protocol has an event's data: a string with JSON in it. `json`: the data; empty:
// none.
void render_pusher_data(std::string& out, std::string_view json);
// The channel on which Pusher's clients hear what is for one user.
inline constexpr std::string_view kPusherUserPrefix = "#server-to-user-";

}  // namespace strandline::server
