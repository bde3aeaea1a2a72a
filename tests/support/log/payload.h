// What tests append: an event that is a pure function of its stream and its offset, so that any
// read, anywhere, on either side of a crash, can be checked without remembering what was written.
//
// Where the offset is not known beforehand (several writers on one stream), the event is a function
// of the stream and of an id that its writer made up; an offset is just the id "17".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/api/batch.h"

namespace strandline::tests {

struct Payload {
  std::string type;
  std::string id;
  std::string subject;
  std::string data;

  NewEvent event() const {
    return {.type = type, .id = id, .subject = subject, .form = DataForm::binary, .data = data};
  }
};

Payload payload(std::string_view stream, std::string_view id);
Payload payload(std::string_view stream, Offset offset);

// The events [first, first + count) of a stream.
Batch batch(std::string_view stream, Offset first, uint32_t count);
Batch batch(std::string_view stream, const std::vector<std::string>& ids);
// One event of this type and nothing else.
Batch batch_of_type(std::string_view type);

// Whether this is the event that the stream and the event's own id ask for, every byte of it; says
// what is wrong, or nothing.
std::string difference(std::string_view stream, const Event& event);
// The same, and the id is the event's offset.
std::string difference_at_offset(std::string_view stream, const Event& event);

// A random number that depends on `text` alone: the same in every process and every run.
uint64_t hash_of(std::string_view text);

}  // namespace strandline::tests
