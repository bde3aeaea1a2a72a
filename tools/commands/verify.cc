// `strandline verify`: reads a directory whole, and checks every checksum.
#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "engine/log.h"
#include "server/json/json_writer.h"
#include "server/wire/cloudevents.h"
#include "tools/base/program.h"
#include "tools/base/progress.h"
#include "tools/connection/local_log.h"

namespace strandline::tools {
namespace {

constexpr char kVerifyExample[] = "  strandline verify --data ./data";

int verify(const Settings& settings, bool json) {
  auto target = settings.target();
  if (!target) return misused(target.error().message);
  if (target->data.empty()) return misused("verify reads a directory: --data DIR");
  auto log = open_directory(target->data, Purpose::read);
  if (!log) return failed(log.error());
  Verified result;
  {
    Progress progress("verify", (*log)->durable_next().value);
    result = (*log)->verify([&](uint64_t events) { progress.update(events, events); });
  }
  if (json) {
    std::string out =
        fmt::format("{{\"streams\":{},\"batches\":{},\"events\":{},\"bytes\":{},\"findings\":[",
                    result.streams, result.batches, result.events, result.bytes);
    for (const Finding& finding : result.findings) {
      out += &finding == &result.findings[0] ? "{\"place\":" : ",{\"place\":";
      server::render_string(out, finding.place);
      out += ",\"what\":";
      server::render_string(out, finding.what);
      out += '}';
    }
    std::cout << out << "]}\n";
  } else {
    for (const Finding& finding : result.findings) {
      std::cout << finding.place << ": " << finding.what << '\n';
    }
    std::cout << fmt::format(
        "{} streams, {} batches, {} events, {} bytes: {}\n", result.streams, result.batches,
        result.events, result.bytes,
        result.findings.empty() ? "all sound" : fmt::format("{} findings", result.findings.size()));
  }
  return result.findings.empty() ? kDone : kFailed;
}

}  // namespace

void add_verify(Program& program) {
  auto json = std::make_shared<bool>(false);
  CLI::App& command =
      program.add("verify", "Read a directory whole and check every checksum; exit 1 on findings",
                  kVerifyExample);
  program.add_target_flags(command);
  command.add_flag("--json", *json, "the outcome as a JSON object");
  program.on_run(command, [json, &program] { return verify(program.settings(), *json); });
}

}  // namespace strandline::tools
