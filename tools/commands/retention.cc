// `strandline retention`: what expired, what it left on the disk; and confirm, after a clock that
// jumped.
#include <fmt/format.h>
#include <rapidjson/document.h>

#include <iostream>
#include <memory>

#include "tools/base/program.h"
#include "tools/client/exchange.h"
#include "tools/connection/log_handle.h"

namespace strandline::tools {
namespace {

int print_retention(const Result<std::string>& told, bool json) {
  if (!told) return failed(told.error());
  if (json) {
    std::cout << *told << (told->ends_with('\n') ? "" : "\n");
    return kDone;
  }
  rapidjson::Document info;
  info.Parse(told->data(), told->size());
  if (info.HasParseError() || !info.IsObject()) {
    return failed("the answer is not JSON; is it a Strandline server?");
  }
  const auto line = [](std::string_view name, std::string_view value) {
    std::cout << fmt::format("{:<20} {}\n", name, value);
  };
  const bool paused = info.HasMember("paused") && info["paused"].IsObject();
  line("paused", paused ? text_of(info["paused"], "why") : std::string_view("no"));
  const std::string_view blocked = text_of(info, "blocked");
  line("blocked", blocked.empty() ? std::string_view("no") : blocked);
  for (const char* name :
       {"lag_s", "events_expired", "segments_dropped", "segments_rewritten", "kept_bytes",
        "dead_bytes", "reclaimed_bytes", "disk_bytes", "log_bytes_max"}) {
    if (info.HasMember(name) && info[name].IsNull()) {
      line(name, "none");
    } else {
      line(name, std::to_string(number_of(info, name)));
    }
  }
  return kDone;
}

}  // namespace

void add_retention(Program& program) {
  auto json = std::make_shared<bool>(false);
  const auto on_run = [&](CLI::App& command, Purpose purpose,
                          Result<std::string> (LogHandle::*ask)()) {
    program.add_target_flags(command);
    command.add_flag("--json", *json, "as the API has it");
    program.on_run(command, [json, &program, purpose, ask] {
      auto log = connect(program.settings(), purpose);
      return log ? print_retention(((**log).*ask)(), *json) : not_connected(log.error());
    });
  };
  CLI::App& all = program.add("retention", "Say what retention has done, and what stops it",
                              "  strandline retention");
  on_run(all, Purpose::read, &LogHandle::retention);
  CLI::App& confirming = program.add(all, "confirm", "The clock is right: what is due may go again",
                                     "  strandline retention confirm");
  on_run(confirming, Purpose::write, &LogHandle::confirm_clock);
}

}  // namespace strandline::tools
