// What makes an event acceptable, in one place: the rules that batch.h states. Checked when a batch
// arrives as a FlatBuffer and when one is built.
#pragma once

#include <string_view>

#include "engine/batch.h"
#include "engine/error.h"

namespace strandline {

// UTF-8 (RFC 3629) without overlong forms, surrogates or anything past U+10FFFF.
bool is_utf8(std::string_view text);
// The same, without control characters (C0, DEL, C1).
bool is_plain_text(std::string_view text);
// One JSON value (RFC 8259), and nothing after it, whose strings have characters only: no escape is
// half of a surrogate pair.
bool is_json(std::string_view text);
// Whether `text`, UTF-8 otherwise, has half a surrogate pair, as RapidJSON writes one for
// "\udc00".
bool has_half_surrogate(std::string_view text);

// The bytes of an event's strings and data, as if it shared none of them with another.
size_t event_bytes(const schema::Event& event);

// Each says what is wrong, without a place: the caller knows which event it is.
Status check_event(const NewEvent& event, const Limits& limits);
Status check_event(const schema::Event& event, const Limits& limits);

}  // namespace strandline
