#include "engine/dead_letters.h"

#include <algorithm>

#include "engine/event_rules.h"

namespace strandline {

Result<Batch> dead_letter(const std::string& consumer, std::string_view stream, const Event& event,
                          uint32_t attempts, std::string_view cause, const Limits& limits) {
  const std::string count = std::to_string(attempts);
  const std::string offset = std::to_string(event.offset.value);
  NewEvent copy{.type = event.type(),
                .id = event.id(),
                .source = event.source(),
                .subject = event.subject(),
                .time = event.time(),
                .datacontenttype = event.datacontenttype(),
                .dataschema = event.dataschema(),
                .form = event.form(),
                .data = event.data()};
  event.for_each_attribute([&](const Attribute& attribute) {
    if (std::ranges::find(kDeadLetterNames, attribute.name) == kDeadLetterNames.end()) {
      copy.attributes.push_back(attribute);
    }
  });
  copy.attributes.push_back({"deadletterconsumer", consumer});
  copy.attributes.push_back({"deadlettercause", cause});
  copy.attributes.push_back({"deadletterattempts", count, AttributeKind::integer});
  copy.attributes.push_back({"deadletterstream", stream});
  copy.attributes.push_back({"deadletteroffset", offset});
  return Batch::of({copy}, limits_of_stored(limits));
}

}  // namespace strandline
