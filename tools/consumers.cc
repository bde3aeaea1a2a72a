// `strandline consumers`: committed positions, listed, shown and set.
#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "server/cloudevents.h"
#include "tools/connection.h"
#include "tools/program.h"
#include "tools/table.h"

namespace strandline::tools {
namespace {

struct ConsumersFlags {
  std::string prefix;
  std::string consumer;
  std::string stream;
  uint64_t limit = 10'000;
  uint64_t next = 0;
  std::optional<uint64_t> expected;
  bool json = false;
};

void print(const std::vector<Log::ConsumerPosition>& positions, bool json) {
  std::vector<Row> rows = {{"CONSUMER", "STREAM", "NEXT", "COMMITTED"}};
  for (const Log::ConsumerPosition& position : positions) {
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

int list(Connection& connection, const ConsumersFlags& flags) {
  auto positions = connection.positions(flags.prefix, flags.limit);
  if (!positions) return failed(positions.error());
  print(*positions, flags.json);
  return kDone;
}

int show(Connection& connection, const ConsumersFlags& flags) {
  auto positions = connection.positions(flags.consumer, flags.limit);
  if (!positions) return failed(positions.error());
  std::erase_if(*positions, [&](const Log::ConsumerPosition& position) {
    return position.consumer != flags.consumer ||
           (!flags.stream.empty() && position.stream != flags.stream);
  });
  if (positions->empty()) {
    return failed(fmt::format("consumer {} has no committed position{}", flags.consumer,
                              flags.stream.empty() ? "" : " of " + flags.stream));
  }
  print(*positions, flags.json);
  return kDone;
}

int set(Connection& connection, const ConsumersFlags& flags) {
  auto next = connection.commit({.consumer = flags.consumer,
                                 .stream = flags.stream,
                                 .expected = flags.expected,
                                 .next = flags.next});
  if (!next) return failed(next.error());
  std::cout << (flags.json ? fmt::format("{{\"next\":{}}}\n", *next)
                           : fmt::format("next {}\n", *next));
  return kDone;
}

}  // namespace

void add_consumers(Program& program) {
  auto flags = std::make_shared<ConsumersFlags>();
  const auto on_run = [&](CLI::App& command, Purpose purpose,
                          int (*act)(Connection&, const ConsumersFlags&)) {
    program.add_target_flags(command);
    command.add_flag("--json", flags->json, "a JSON object a line");
    program.on_run(command, [flags, &program, purpose, act] {
      auto connection = connect(program.settings(), purpose);
      return connection ? act(**connection, *flags) : not_connected(connection.error());
    });
  };
  CLI::App& all = program.add("consumers", "List committed positions; show or set one",
                              "  strandline consumers --prefix import/\n"
                              "  strandline consumers show billing");
  const auto listing = [&](CLI::App& command) {
    command.add_option("--prefix", flags->prefix, "only consumers whose names begin so");
    command.add_option("--limit", flags->limit, "at most N positions [10000]")->type_name("N");
    on_run(command, Purpose::read, list);
  };
  listing(all);
  listing(program.add(all, "ls", "List committed positions", "  strandline consumers ls"));
  CLI::App& showing = program.add(all, "show", "Show a consumer's positions",
                                  "  strandline consumers show billing");
  showing.add_option("consumer", flags->consumer, "its name")->required();
  showing.add_option("stream", flags->stream, "only of this stream");
  on_run(showing, Purpose::read, show);
  CLI::App& setting = program.add(all, "set", "Move a position forward",
                                  "  strandline consumers set billing orders 120 --expected 100");
  setting.add_option("consumer", flags->consumer, "its name")->required();
  setting.add_option("stream", flags->stream, "the stream, or $all")->required();
  setting.add_option("next", flags->next, "the first position not yet handled")->required();
  setting.add_option("--expected", flags->expected, "what it must be now; 0 where there is none");
  on_run(setting, Purpose::write, set);
}

}  // namespace strandline::tools
