// `strandline doctor`: what is wrong with a log, its machine and its settings, and what to do.
#include <fmt/format.h>
#include <rapidjson/document.h>

#include <iostream>
#include <memory>

#include "server/connection/checkup.h"
#include "tools/base/program.h"
#include "tools/client/exchange.h"
#include "tools/connection/log_handle.h"

namespace strandline::tools {
namespace {

constexpr char kDoctorExample[] =
    "  strandline doctor\n"
    "  strandline doctor --data ./data";

// An address of `listen` that other machines reach.
std::string open_to_others(const Settings& settings) {
  for (const std::string& name : split_names(settings.text("serve", "listen"))) {
    const size_t scheme = name.find("://");
    const std::string_view rest =
        std::string_view(name).substr(scheme == std::string::npos ? 0 : scheme + 3);
    const bool here = rest.starts_with("127.") || rest.starts_with("localhost") ||
                      rest.starts_with("[::1]") || rest.starts_with("unix:");
    if (!here) return name;
  }
  return {};
}

// Of a directory, whether the log in it opens or not.
Result<std::string> examine(const Settings& settings, const Settings::Target& target) {
  server::Patient known{
      .directory = target.data,
      .connections_max = static_cast<size_t>(settings.number("serve", "connections_max")),
      .open_to_others = open_to_others(settings)};
  auto log = connect(settings, Purpose::read);
  if (log) return (*log)->doctor(std::move(known));
  if (target.data.empty()) return std::unexpected(std::move(log.error()));
  known.unopened = log.error();
  return server::render_checks(server::check_up(known));
}

int doctor(const Settings& settings, bool json) {
  const auto target = settings.target();
  if (!target) return misused(target.error().message);
  auto told = examine(settings, *target);
  if (!told) return failed(told.error());
  while (told->ends_with('\n')) told->pop_back();
  rapidjson::Document document;
  if (document.Parse(told->data(), told->size()).HasParseError() || !document.IsObject()) {
    return failed("the answer is not JSON; is it a Strandline server?");
  }
  const uint64_t problems = number_of(document, "problems");
  if (json) {
    std::cout << *told << '\n';
    return problems > 0 ? kFailed : kDone;
  }
  for (const rapidjson::Value& check : array_of(document, "checks")) {
    std::cout << fmt::format("{:<8} {}: {}\n", text_of(check, "verdict"), text_of(check, "check"),
                             text_of(check, "finding"));
    const std::string_view advice = text_of(check, "advice");
    if (!advice.empty()) std::cout << fmt::format("         what to do: {}\n", advice);
  }
  std::cout << fmt::format("{} problems, {} warnings\n", problems, number_of(document, "warnings"));
  return problems > 0 ? kFailed : kDone;
}

}  // namespace

void add_doctor(Program& program) {
  auto json = std::make_shared<bool>(false);
  CLI::App& command = program.add(
      "doctor", "Look for what is wrong: limits, disk, fsyncs, clock, permissions, settings",
      kDoctorExample);
  program.add_target_flags(command);
  command.add_flag("--json", *json, "as one JSON object");
  program.on_run(command, [json, &program] { return doctor(program.settings(), *json); });
}

}  // namespace strandline::tools
