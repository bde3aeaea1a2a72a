// `strandline stats`: sizes, segments and counters.
#include <fmt/format.h>
#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <iostream>
#include <memory>

#include "tools/base/program.h"
#include "tools/connection/log_handle.h"

namespace strandline::tools {
namespace {

constexpr char kStatsExample[] =
    "  strandline stats\n"
    "  strandline stats --data ./data --json";

// A line a value, each named by its path: "recovery.milliseconds  3".
void print(const std::string& path, const rapidjson::Value& value) {
  if (value.IsObject()) {
    for (const auto& member : value.GetObject()) {
      print(path.empty() ? member.name.GetString() : path + "." + member.name.GetString(),
            member.value);
    }
  } else if (value.IsArray()) {
    for (rapidjson::SizeType i = 0; i < value.Size(); ++i) {
      print(fmt::format("{}[{}]", path, i), value[i]);
    }
  } else if (value.IsString()) {
    std::cout << fmt::format("{:<36} {}\n", path, value.GetString());
  } else {
    rapidjson::StringBuffer text;
    rapidjson::Writer<rapidjson::StringBuffer> writer(text);
    value.Accept(writer);
    std::cout << fmt::format("{:<36} {}\n", path, text.GetString());
  }
}

int stats(const Settings& settings, bool json) {
  auto log = connect(settings, Purpose::read);
  if (!log) return not_connected(log.error());
  auto info = (*log)->info();
  if (!info) return failed(info.error());
  while (info->ends_with('\n')) info->pop_back();
  if (json) {
    std::cout << *info << '\n';
    return kDone;
  }
  rapidjson::Document document;
  if (document.Parse(info->data(), info->size()).HasParseError()) {
    return failed("the answer is not JSON; is it a Strandline server?");
  }
  print("", document);
  return kDone;
}

}  // namespace

void add_stats(Program& program) {
  auto json = std::make_shared<bool>(false);
  CLI::App& command = program.add("stats", "Print sizes, segments and counters", kStatsExample);
  program.add_target_flags(command);
  command.add_flag("--json", *json, "as one JSON object");
  program.on_run(command, [json, &program] { return stats(program.settings(), *json); });
}

}  // namespace strandline::tools
