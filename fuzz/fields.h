// An event's fields, copied out, so that two events can be compared; and what every accepted batch
// must hold, whichever way it came. Not a target: the targets that take events share it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/api/batch.h"

namespace strandline::fuzz {

struct Fields {
  std::string type, id, source, subject, time, datacontenttype, dataschema;
  std::vector<std::pair<std::string, std::string>> attributes;  // the name with its kind, the text
  DataForm form = DataForm::none;
  std::string data;
  bool operator==(const Fields&) const = default;
};

Fields fields_of(const Event& event);
Fields fields_of(const NewEvent& event);
std::vector<Fields> fields_of(const Batch& batch);

// That the batch is within the limits and keeps the rules of batch.h, that it is taken again as it
// is, and that its events are the same after they were printed as NDJSON and parsed.
void check_accepted(const Batch& batch, const Limits& limits);

}  // namespace strandline::fuzz
