#include "server/live/announcement.h"

#include "engine/api/rfc3339.h"
#include "server/http/response.h"
#include "server/json/json_writer.h"
#include "server/live/websocket.h"

namespace strandline::server {
namespace {

using Kind = Announcement::Kind;

AnnouncementPointer announce(Kind kind, std::string_view native, std::string_view pusher) {
  auto made = std::make_shared<Announcement>();
  made->kind = kind;
  append_text_frame(made->frames[static_cast<size_t>(Wording::native)], native);
  append_text_frame(made->frames[static_cast<size_t>(Wording::pusher)], pusher);
  return made;
}

// {"event":...,"channel":...,"data":"..."
std::string pusher_event(std::string_view event, std::string_view channel, std::string_view data) {
  std::string out = "{\"event\":";
  render_string(out, event);
  out += ",\"channel\":";
  render_string(out, channel);
  out += ",\"data\":";
  render_pusher_data(out, data);
  return out;
}

AnnouncementPointer event_about(std::string_view what, std::string_view name,
                                std::string_view pusher_channel, const LiveEvent& event) {
  std::string native = "{\"op\":\"event\",\"";
  native += what;
  native += "\":";
  render_string(native, name);
  std::string pusher = pusher_event(event.type, pusher_channel, event.data);
  if (!event.user.empty()) {
    native += ",\"from\":";
    render_string(native, event.user);
    pusher += ",\"user_id\":";
    render_string(pusher, event.user);
  }
  native += ",\"event\":" + event.event + "}";
  return announce(Kind::event, native, pusher + "}");
}

std::string native_presence(std::string_view channel, std::string_view change) {
  std::string out = "{\"op\":\"presence\",\"channel\":";
  render_string(out, channel);
  out += ",\"change\":\"";
  out += change;
  out += "\",\"member\":";
  return out;
}

}  // namespace

void render_member(std::string& out, const ChannelMember& member) {
  out += "{\"user\":";
  render_string(out, member.user);
  if (!member.info.empty()) out += ",\"info\":" + member.info;
  out += ",\"joined_at\":\"" + render_time(member.joined_at) + "\"}";
}

void render_pusher_data(std::string& out, std::string_view json) { render_string(out, json); }

AnnouncementPointer event_on(std::string_view channel, const LiveEvent& event) {
  return event_about("channel", channel, channel, event);
}

AnnouncementPointer event_to_user(std::string_view user, const LiveEvent& event) {
  return event_about("user", user, std::string(kPusherUserPrefix) + std::string(user), event);
}

AnnouncementPointer event_to_connection(std::string_view connection, const LiveEvent& event) {
  std::string pusher = "{\"event\":";
  render_string(pusher, event.type);
  pusher += ",\"data\":";
  render_pusher_data(pusher, event.data);
  std::string native = "{\"op\":\"event\",\"connection\":";
  render_string(native, connection);
  return announce(Kind::event, native + ",\"event\":" + event.event + "}", pusher + "}");
}

AnnouncementPointer joined(std::string_view channel, const ChannelMember& member) {
  std::string native = native_presence(channel, "joined");
  render_member(native, member);
  std::string data = "{\"user_id\":";
  render_string(data, member.user);
  if (!member.info.empty()) data += ",\"user_info\":" + member.info;
  return announce(Kind::presence, native + "}",
                  pusher_event("pusher_internal:member_added", channel, data + "}") + "}");
}

AnnouncementPointer left(std::string_view channel, const ChannelMember& member) {
  std::string native = native_presence(channel, "left");
  render_member(native, member);
  std::string data = "{\"user_id\":";
  render_string(data, member.user);
  return announce(Kind::presence, native + "}",
                  pusher_event("pusher_internal:member_removed", channel, data + "}") + "}");
}

AnnouncementPointer subscribers(std::string_view channel, uint64_t count) {
  const std::string number = std::to_string(count);
  std::string native = "{\"op\":\"subscribers\",\"channel\":";
  render_string(native, channel);
  const std::string data = "{\"subscription_count\":" + number + "}";
  return announce(Kind::count, native + ",\"count\":" + number + "}",
                  pusher_event("pusher_internal:subscription_count", channel, data) + "}");
}

}  // namespace strandline::server
