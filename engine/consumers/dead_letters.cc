#include "engine/consumers/dead_letters.h"

#include <algorithm>

#include "engine/api/event_rules.h"

namespace strandline {

namespace {

// In turn: more than consumers are ever chained by hand.
constexpr size_t kChainMax = 16;

std::string percent_encoded(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '%') {
      out += "%25";
    } else if (c == ',') {
      out += "%2C";
    } else {
      out += c;
    }
  }
  return out;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    const std::string_view rest = text.substr(at);
    const bool percent = rest.starts_with("%25"), comma = rest.starts_with("%2C");
    out += percent ? '%' : comma ? ',' : text[at];
    if (percent || comma) at += 2;
  }
  return out;
}

std::string chain_of(const History& history) {
  std::string out;
  for (const std::string& consumer : history.consumers) {
    if (!out.empty()) out += ',';
    out += percent_encoded(consumer);
  }
  return out;
}

}  // namespace

bool History::may_go_on_to(std::string_view consumer) const {
  return consumers.size() < kChainMax && std::ranges::find(consumers, consumer) == consumers.end();
}

History history_of(const Event& event) {
  History history;
  std::string stream, offset, consumer;
  event.for_each_attribute([&](const Attribute& attribute) {
    const std::string_view text = attribute.text;
    if (attribute.name == "deadletterstream") stream = text;
    if (attribute.name == "deadletteroffset") offset = text;
    if (attribute.name == "deadletterconsumer") consumer = text;
    if (attribute.name == "deadletterfirstin") history.stream = text;
    if (attribute.name == "deadletterfirstat") history.offset = text;
    if (attribute.name != "deadletterchain") return;
    for (size_t from = 0; from <= text.size();) {
      const size_t end = std::min(text.find(',', from), text.size());
      history.consumers.push_back(percent_decoded(text.substr(from, end - from)));
      from = end + 1;
    }
  });
  if (consumer.empty()) return {};
  if (history.stream.empty()) {
    history.stream = std::move(stream);
    history.offset = std::move(offset);
  }
  history.consumers.push_back(std::move(consumer));
  return history;
}

Result<Batch> dead_letter(const Fate& fate, const Event& event, const Limits& limits) {
  const std::string count = std::to_string(fate.attempts);
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
  copy.attributes.push_back({"deadletterconsumer", fate.consumer});
  copy.attributes.push_back({"deadlettercause", fate.cause});
  copy.attributes.push_back({"deadletterattempts", count, AttributeKind::integer});
  copy.attributes.push_back({"deadletterstream", fate.stream});
  copy.attributes.push_back({"deadletteroffset", offset});
  const History& history = fate.history;
  const std::string chain = chain_of(history);
  if (!history.consumers.empty()) {
    copy.attributes.push_back({"deadletterfirstby", history.consumers.front()});
    copy.attributes.push_back({"deadletterfirstin", history.stream});
    copy.attributes.push_back({"deadletterfirstat", history.offset});
    copy.attributes.push_back({"deadletterchain", chain});
  }
  return Batch::of({copy}, limits_of_stored(limits));
}

}  // namespace strandline
