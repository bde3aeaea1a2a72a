#include "tools/commands/consumer_table.h"

#include <fmt/format.h>

#include <iostream>

#include "server/json/json_writer.h"
#include "server/wire/cloudevents.h"
#include "server/wire/consumer_json.h"
#include "tools/base/table.h"

namespace strandline::tools {
namespace {

std::string reads(const Selection& select) {
  switch (select.kind) {
    case Selection::Kind::stream:
      return select.names.at(0);
    case Selection::Kind::list:
      return fmt::format("{} and {} more", select.names.at(0), select.names.size() - 1);
    case Selection::Kind::prefix:
      return select.names.at(0) + "*";
    case Selection::Kind::all:
      return kAllName;
  }
  return kAllName;
}

}  // namespace

void print(const std::vector<ConsumerInfo>& consumers, bool json) {
  std::vector<Row> rows = {{"CONSUMER", "MODE", "READS", "POSITION", "LAG", "PENDING", "IN FLIGHT",
                            "REDELIVERED", "DEAD", "MEMBERS"}};
  for (const ConsumerInfo& info : consumers) {
    if (json) {
      std::string out;
      server::render_consumer(out, info);
      std::cout << out << '\n';
      continue;
    }
    rows.push_back({info.name, name_of(info.settings.mode), reads(info.settings.select),
                    std::to_string(info.position), std::to_string(info.lag),
                    std::to_string(info.pending), std::to_string(info.in_flight),
                    std::to_string(info.redelivered), std::to_string(info.dead_lettered),
                    std::to_string(info.members)});
  }
  if (!json) std::cout << render_table(rows);
}

void print(const std::vector<ConsumerPosition>& positions, bool json) {
  std::vector<Row> rows = {{"CONSUMER", "STREAM", "NEXT", "COMMITTED"}};
  for (const ConsumerPosition& position : positions) {
    const std::string committed = render_time(position.committed);
    if (json) {
      std::string out = "{\"consumer\":";
      server::render_string(out, position.consumer);
      out += ",\"stream\":";
      server::render_string(out, position.stream);
      std::cout << out
                << fmt::format(",\"next\":{},\"committed\":\"{}\"}}\n", position.next, committed);
    } else {
      rows.push_back(
          {position.consumer, position.stream, std::to_string(position.next), committed});
    }
  }
  if (!json) std::cout << render_table(rows);
}

std::string describe(const ConsumerInfo& info) {
  const ConsumerSettings& settings = info.settings;
  std::vector<Row> rows = {{"CONSUMER", info.name}};
  const auto add = [&](const char* what, std::string value) {
    rows.push_back({what, std::move(value)});
  };
  const auto number = [&](const char* what, uint64_t value) { add(what, std::to_string(value)); };
  add("mode", name_of(settings.mode));
  add("reads", reads(settings.select));
  if (!settings.types.empty()) add("types", fmt::format("{}", fmt::join(settings.types, " ")));
  if (!settings.subjects.empty()) {
    add("subjects", fmt::format("{}", fmt::join(settings.subjects, " ")));
  }
  add("created", render_time(info.created));
  if (settings.retain) add("retain", "what is not acked");
  number("position", info.position);
  if (settings.is_consumer_group()) number("next", info.next);
  add("available", fmt::format("{} to {}", info.available.start, info.available.tail));
  number("lag", info.lag);
  number("epoch", info.epoch);
  number("members", info.members);
  number("dead-lettered", info.dead_lettered);
  add("dead letters", settings.dead_letters);
  add("max attempts", settings.attempts() > 0 ? std::to_string(settings.attempts()) : "no limit");
  if (!settings.is_consumer_group()) return render_table(rows);
  number("unacked", info.unacked);
  number("pending", info.pending);
  number("in flight", info.in_flight);
  number("redelivered", info.redelivered);
  if (info.oldest_unacked) add("oldest unacked", render_time(*info.oldest_unacked));
  add("key", settings.mode != ConsumerSettings::Mode::keyed ? "-"
             : settings.key.empty()                         ? "subject"
                                                            : settings.key);
  add("ack deadline", fmt::format("{} ms", settings.ack_deadline_ms));
  number("unacked max", settings.unacked_max);
  return render_table(rows);
}

}  // namespace strandline::tools
