// The forms in which events leave: a JSON page, NDJSON lines, SSE blocks, FlatBuffer frames.
//
// A form only prints: what to read, and when to stop, is a page's or a follower's business (page.h,
// follow.h), so that no two forms differ in what a position means. A position is an offset when one
// stream is read and a sequence when several are, as the engine has it (delivery.h).
// *Memory*: everything is appended to the string given. *Threads*: one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/api/delivery.h"
#include "engine/api/error.h"

namespace strandline::server {

// What the places of the events are counted in.
enum class Places { offsets, sequences };

class Form {
 public:
  virtual ~Form() = default;
  virtual std::string_view media_type() const = 0;

  // Prints events from the i-th on, in the order of reading, until `out` holds `bytes_max` or there
  // are no more; answers the first one not printed.
  virtual uint32_t events(std::string& out, const Events& events, uint32_t i, size_t bytes_max) = 0;
  virtual void gap(std::string& out, const Gap& gap) = 0;
  // Around a page.
  virtual void open_page(std::string&) {}
  virtual void close_page(std::string&, uint64_t /*next*/, const Available&) {}
  // Whether a page's end says next, start and tail; otherwise its headers do.
  virtual bool page_says_next() const { return false; }
  // To a follower: at once; when events were passed over; when all there was has been sent; when
  // there has been nothing to send for a while.
  virtual void open_stream(std::string&, uint64_t /*position*/) {}
  virtual void moved(std::string&, uint64_t /*position*/) {}
  virtual void caught_up(std::string&, uint64_t /*position*/) {}
  virtual void keepalive(std::string&, uint64_t /*position*/) {}
  // Of a consumer: which attempt what follows is; that its member has joined, and is fenced.
  virtual void attempt(uint32_t /*number*/) {}
  virtual void joined(std::string&, uint64_t /*epoch*/, uint64_t /*position*/) {}
  virtual void fenced(std::string&, uint64_t /*epoch*/) {}
  // The last of a stream: who reads it may not have more, and why, in a word.
  virtual void ended(std::string&, std::string_view /*reason*/) {}
};

// {"type":"strandline.end","reason":"key-revoked"}, as forms of JSON say that.
void render_end(std::string& out, std::string_view reason);

// {"events":[...],"gaps":[...],"next":n,"start":s,"tail":t}, for pages.
std::unique_ptr<Form> json_form();
// An event a line; a gap is a line too, of type strandline.gap. With `positions`, a follower also
// gets {"type":"strandline.position","next":n} and {"type":"strandline.caught-up","next":n}. The
// keepalive is an empty line.
std::unique_ptr<Form> ndjson_form(bool positions);
// The WHATWG's event stream, for followers: `id:` is the event's place.
std::unique_ptr<Form> sse_form(Places places, uint64_t retry_ms);
// schemas/frame.h. A batch that is read whole is sent as it is stored. Newest first, the frames
// come newest first, and in each the events stand as they were appended.
std::unique_ptr<Form> frames_form();
// The same of a consumer's events, with positions and attempts (form_given.cc); frames have the
// attempt in their head. The page is members of an object that its caller opens and closes.
std::unique_ptr<Form> given_json_form(Places places);
std::unique_ptr<Form> given_ndjson_form(Places places);
std::unique_ptr<Form> given_sse_form(Places places, uint64_t retry_ms);

}  // namespace strandline::server
