// Events as frames, in either wording: printed once, and copied to all whose channel it is.
//
// A thread keeps the frames of the batch that it printed last: of a crowd on one channel, the next
// copies them. *Memory*: at most kPrintedBytesMax a thread. *Threads*: as any form.
#pragma once

#include <memory>
#include <string>

#include "server/live/announcement.h"
#include "server/wire/form.h"

namespace strandline::server {

// {"op":"event","channel","position","event":{...}}, {"op":"gap",...}, {"op":"position",...},
// {"op":"caught_up",...}
std::unique_ptr<Form> native_live_form(std::string channel, Places places);

struct PusherForm {
  std::string channel = {};
  std::string connection = {};  // events that say they are not for it are left out
  bool tells_position = false;  // strandline:position, for clients that resume
  bool is_cache = false;        // where there is no event yet, it says pusher:cache_miss
};
std::unique_ptr<Form> pusher_live_form(PusherForm form, Places places);
// The attribute of an event that names the connection that is not to have it.
inline constexpr std::string_view kExceptAttribute = "exceptconnection";

}  // namespace strandline::server
