// What routes that follow share: where a follower begins, whether it wants names, and the
// beginning.
#pragma once

#include <memory>

#include "server/connection/call.h"
#include "server/wire/form.h"

namespace strandline::server {

// Takes `@...` off a place: of which incarnation of the log it is.
std::string_view take_suffix(std::string_view& text);
// Of Last-Event-ID, else of `from`, else `fallback`; without that suffix.
Parsed<From> take_from(const Call& call, bool backward, const From& fallback);
// `names=off`: no event of server-sent events has a name. Of another form it is refused.
Parsed<bool> take_names(const Call& call, bool event_stream);

struct Following {
  ReadOptions read;
  Principal principal = {};
  bool wait = false;  // for a stream that does not exist yet
  Places places = Places::offsets;
  std::unique_ptr<Form> form;
  std::string headers = {};  // whole lines
};
// Where to begin is looked for on the disk, if need be, in the pool.
void follow(Service& service, Answer answer, Following following, boost::asio::thread_pool& pool);

}  // namespace strandline::server
