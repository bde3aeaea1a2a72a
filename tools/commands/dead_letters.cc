#include "tools/commands/dead_letters.h"

#include <fmt/format.h>

#include <iostream>
#include <map>

#include "server/wire/cloudevents.h"
#include "tools/base/program.h"
#include "tools/base/table.h"

namespace strandline::tools {
namespace {

std::string attribute_of(const Event& event, std::string_view name) {
  std::string text;
  event.for_each_attribute([&](const Attribute& attribute) {
    if (attribute.name == name) text = attribute.text;
  });
  return text;
}

class DeadLetterTable {
 public:
  DeadLetterTable(std::string stream, bool json) : stream_(std::move(stream)), json_(json) {}

  void add(uint64_t position, const Event& event) {
    if (json_) {
      std::string out =
          fmt::format("{{\"position\":{},\"offset\":{},\"event\":", position, event.offset.value);
      server::render_event(out, stream_, event);
      std::cout << out << "}\n";
      return;
    }
    rows_.push_back(
        {std::to_string(position), std::string(event.type()),
         attribute_of(event, "deadletterattempts"), attribute_of(event, "deadlettercause"),
         attribute_of(event, "deadletterstream") + " " + attribute_of(event, "deadletteroffset")});
  }
  void print() const {
    if (!json_) std::cout << render_table(rows_);
  }

 private:
  const std::string stream_;
  const bool json_;
  std::vector<Row> rows_ = {{"POSITION", "TYPE", "ATTEMPTS", "WHY", "FROM"}};
};

}  // namespace

int print_dead_letters(LogHandle& log, const std::string& consumer, uint64_t limit, bool json) {
  const auto info = log.describe_consumer(consumer);
  if (!info) return failed(info.error());
  const auto letters = log.dead_letters(consumer, 0, limit);
  if (!letters) return failed(letters.error());
  DeadLetterTable table(info->settings.dead_letters, json);
  // In the order of the stream, which is read once.
  std::map<uint64_t, uint64_t> positions;
  for (const DeadLetter& letter : *letters) positions[letter.at.value] = letter.position;
  if (!positions.empty()) {
    auto reader = log.read({.select = Selection::stream(info->settings.dead_letters),
                            .from = From::position(positions.begin()->first)});
    if (!reader) return failed(reader.error());
    while (!positions.empty()) {
      auto delivery = (*reader)->next(std::chrono::milliseconds(0));
      if (!delivery) return failed(delivery.error());
      if (!*delivery) break;
      const auto* events = std::get_if<Events>(&**delivery);
      if (!events) continue;
      for (const Event& event : *events) {
        const auto found = positions.find(event.offset.value);
        if (found == positions.end()) continue;
        table.add(found->second, event);
        positions.erase(found);
      }
    }
  }
  table.print();
  return kDone;
}

}  // namespace strandline::tools
