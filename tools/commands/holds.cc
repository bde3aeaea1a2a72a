// `strandline holds`: list, create, release: what must be kept, by law.
#include <fmt/format.h>
#include <rapidjson/document.h>

#include <iostream>
#include <memory>

#include "engine/api/clock.h"
#include "server/http/quantity.h"
#include "tools/base/program.h"
#include "tools/base/table.h"
#include "tools/client/exchange.h"
#include "tools/connection/log_handle.h"

namespace strandline::tools {
namespace {

struct HoldsFlags {
  std::string name;
  std::string stream;
  std::string prefix;
  bool has_prefix = false;
  std::string reason;
  std::string until;
  bool json = false;
};

Row row_of_hold(const rapidjson::Value& hold) {
  const bool prefix = hold.HasMember("prefix");
  const bool in_force =
      hold.HasMember("in_force") && hold["in_force"].IsBool() && hold["in_force"].GetBool();
  const std::string_view until = text_of(hold, "until");
  return {
      std::string(text_of(hold, "hold")),
      prefix ? fmt::format("{}*", text_of(hold, "prefix")) : std::string(text_of(hold, "stream")),
      std::string(text_of(hold, "by")),
      until.empty() ? "-" : std::string(until),
      in_force ? "yes" : "no",
      std::string(text_of(hold, "reason"))};
}

int print_holds(const Result<std::string>& told, bool json) {
  if (!told) return failed(told.error());
  if (json) {
    std::cout << *told << (told->ends_with('\n') ? "" : "\n");
    return kDone;
  }
  rapidjson::Document document;
  document.Parse(told->data(), told->size());
  if (document.HasParseError() || !document.IsObject()) {
    return failed("the answer is not JSON; is it a Strandline server?");
  }
  std::vector<Row> rows = {{"HOLD", "STREAMS", "BY", "UNTIL", "IN FORCE", "REASON"}};
  if (document.HasMember("holds")) {
    for (const rapidjson::Value& one : array_of(document, "holds"))
      rows.push_back(row_of_hold(one));
  } else {
    rows.push_back(row_of_hold(document));
  }
  std::cout << render_table(rows);
  return kDone;
}

int list_holds(LogHandle& log, const HoldsFlags& flags) {
  return print_holds(log.holds(), flags.json);
}

int create_hold(LogHandle& log, const HoldsFlags& flags) {
  if (flags.has_prefix == !flags.stream.empty()) {
    return misused("say what is held: --stream NAME, or --prefix PREFIX ('' is every stream)");
  }
  NewHold hold{
      .name = flags.name,
      .scope = {.prefix = flags.has_prefix, .name = flags.has_prefix ? flags.prefix : flags.stream},
      .reason = flags.reason};
  if (!flags.until.empty()) {
    const auto until = server::read_moment(flags.until, SystemClock().now());
    if (!until) return misused("--until: " + until.error());
    hold.until = *until;
  }
  return print_holds(log.hold(std::move(hold)), flags.json);
}

int release_hold(LogHandle& log, const HoldsFlags& flags) {
  const auto released = log.release_hold(flags.name);
  return released ? kDone : failed(released.error());
}

}  // namespace

void add_holds(Program& program) {
  auto flags = std::make_shared<HoldsFlags>();
  const auto on_run = [&](CLI::App& command, Purpose purpose,
                          int (*act)(LogHandle&, const HoldsFlags&)) {
    program.add_target_flags(command);
    command.add_flag("--json", flags->json, "as the API has it");
    program.on_run(command, [flags, &program, purpose, act] {
      auto log = connect(program.settings(), purpose);
      return log ? act(**log, *flags) : not_connected(log.error());
    });
  };
  const auto named = [&](CLI::App& command) -> CLI::App& {
    command.add_option("hold", flags->name, "its name")->required();
    return command;
  };
  CLI::App& all =
      program.add("holds", "List legal holds; create or release one",
                  "  strandline holds\n"
                  "  strandline holds create case-12 --prefix orders. --reason 'litigation'");
  on_run(all, Purpose::read, list_holds);
  on_run(*program.add(all, "ls", "List them", "  strandline holds ls").alias("list"), Purpose::read,
         list_holds);
  CLI::App& creating = named(program.add(
      all, "create", "Keep everything of a stream, or of streams, whatever else says that it goes",
      "  strandline holds create case-12 --stream orders --reason 'litigation' --until "
      "2027-01-01"));
  creating.alias("add");
  creating.add_option("--stream", flags->stream, "what is held")->type_name("NAME");
  creating
      .add_option_function<std::string>(
          "--prefix",
          [flags](const std::string& prefix) {
            flags->prefix = prefix;
            flags->has_prefix = true;
          },
          "or: all streams whose names begin so, those to come as well")
      ->type_name("PREFIX");
  creating.add_option("--reason", flags->reason, "why, up to 1,024 bytes")
      ->required()
      ->type_name("TEXT");
  creating.add_option("--until", flags->until, "when it is over; never, if it is not said")
      ->type_name("TIME");
  on_run(creating, Purpose::create, create_hold);
  CLI::App& releasing =
      named(program.add(all, "release", "End a hold", "  strandline holds release case-12"));
  releasing.alias("rm")->alias("remove")->alias("delete");
  on_run(releasing, Purpose::write, release_hold);
}

}  // namespace strandline::tools
