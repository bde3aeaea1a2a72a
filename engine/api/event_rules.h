// What makes an event acceptable, in one place: the rules that batch.h states. Checked when a batch
// arrives as a FlatBuffer and when one is built.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "engine/api/batch.h"
#include "engine/api/error.h"

namespace strandline {

// What the log adds to an event that it copies to a dead-letter stream (dead_letters.h). These
// attributes count by themselves and not as the event's own, so that the copy of the largest event
// is an event: it is read, exported and imported under the limits of any append.
inline constexpr std::array<std::string_view, 9> kDeadLetterNames = {
    "deadletterconsumer", "deadlettercause",   "deadletterattempts",
    "deadletterstream",   "deadletteroffset",  "deadletterfirstby",
    "deadletterfirstin",  "deadletterfirstat", "deadletterchain"};

// For what is stored already: it was taken once, perhaps under larger limits than these, and
// whoever reads or copies it refuses none. Only what a check may cost is bounded.
Limits limits_of_stored(const Limits& limits = {});

// UTF-8 (RFC 3629) without overlong forms, surrogates or anything past U+10FFFF.
bool is_utf8(std::string_view text);
// The same, without control characters (C0, DEL, C1).
bool is_plain_text(std::string_view text);
// One JSON value (RFC 8259), and nothing after it: whether it is a string, and how many levels its
// objects and arrays nest. `invalid` says what is wrong with it, and where.
struct JsonForm {
  bool is_string;
  size_t levels;
};
Result<JsonForm> json_form_of(std::string_view text);
// JSON without the white space around it.
std::string_view without_json_space(std::string_view text);

// Why no attribute may have this name.
std::string taken_name(std::string_view name);

// The bytes of an event's strings and data, as if it shared none of them with another.
size_t event_bytes(const schema::Event& event);

// Each says what is wrong, without a place: the caller knows which event it is. The limit on bytes
// leaves room for what the log derives (id, source, time, a text's content type): these count only
// where they are longer, so that an export, which writes them out, is not too large to be imported.
Status check_event(const NewEvent& event, const Limits& limits);
Status check_event(const schema::Event& event, const Limits& limits);

// Whether its data stands as the log keeps it: JSON on one line, and nothing around it.
bool is_as_kept(const schema::Event& event);
// The same event as views, to be built again.
NewEvent new_event_of(const schema::Event& event, const Limits& limits);

}  // namespace strandline
