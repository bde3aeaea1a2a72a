// `strandline policies`: list, set, remove: what holds for all streams whose names begin alike.
#include <fmt/format.h>
#include <rapidjson/document.h>

#include <iostream>
#include <memory>

#include "tools/base/program.h"
#include "tools/base/table.h"
#include "tools/client/exchange.h"
#include "tools/commands/policy_flags.h"
#include "tools/connection/log_handle.h"
#include "tools/connection/policy_answer.h"

namespace strandline::tools {
namespace {

struct PoliciesFlags {
  std::string prefix;
  bool has_prefix = false;
  bool standard = false;
  std::shared_ptr<PolicyFlags> policy;
  bool json = false;
};

std::string prefix_name(std::string_view prefix) {
  return prefix.empty() ? "(every stream)" : fmt::format("{}*", prefix);
}

int print_policies(const Result<std::string>& told, bool json) {
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
  std::vector<Row> rows = {{"STREAMS", "POLICY"}};
  const auto add = [&](const rapidjson::Value& one) {
    rows.push_back({prefix_name(text_of(one, "prefix")), readable(policy_of(one, "policy"))});
  };
  if (document.HasMember("policies")) {
    for (const rapidjson::Value& one : array_of(document, "policies")) add(one);
  } else {
    add(document);
  }
  std::cout << render_table(rows);
  return kDone;
}

// Which streams: --prefix, or --default.
std::optional<std::string> prefix_in(const PoliciesFlags& flags) {
  if (flags.standard == flags.has_prefix) return std::nullopt;
  return flags.standard ? std::string() : flags.prefix;
}

constexpr char kWhich[] = "say which streams: --prefix PREFIX, or --default for all of them";

int list_policies(LogHandle& log, const PoliciesFlags& flags) {
  return print_policies(log.policies(), flags.json);
}

int set_policy(LogHandle& log, const PoliciesFlags& flags) {
  const auto prefix = prefix_in(flags);
  if (!prefix) return misused(kWhich);
  auto change = flags.policy->change();
  if (!change) return misused(change.error());
  if (change->empty()) return misused("say what is to hold: --age-max, --bytes-max and so on");
  return print_policies(log.change_policy(*prefix, std::move(*change)), flags.json);
}

int remove_policy(LogHandle& log, const PoliciesFlags& flags) {
  const auto prefix = prefix_in(flags);
  if (!prefix) return misused(kWhich);
  PolicyChange change;
  for (const PolicyRow& row : kPolicyTable) change[row.field] = std::nullopt;
  return print_policies(log.change_policy(*prefix, std::move(change)), flags.json);
}

}  // namespace

void add_policies(Program& program) {
  auto flags = std::make_shared<PoliciesFlags>();
  const auto on_run = [&](CLI::App& command, Purpose purpose,
                          int (*act)(LogHandle&, const PoliciesFlags&)) {
    program.add_target_flags(command);
    command.add_flag("--json", flags->json, "as the API has it");
    program.on_run(command, [flags, &program, purpose, act] {
      auto log = connect(program.settings(), purpose);
      return log ? act(**log, *flags) : not_connected(log.error());
    });
  };
  const auto of_prefix = [&](CLI::App& command) -> CLI::App& {
    command
        .add_option_function<std::string>(
            "--prefix",
            [flags](const std::string& prefix) {
              flags->prefix = prefix;
              flags->has_prefix = true;
            },
            "the streams whose names begin so")
        ->type_name("PREFIX");
    command.add_flag("--default", flags->standard, "every stream that no other policy speaks of");
    return command;
  };
  CLI::App& all = program.add("policies", "List what holds for streams by prefix; set or remove it",
                              "  strandline policies\n"
                              "  strandline policies set --prefix git. --age-max 30d");
  on_run(all, Purpose::read, list_policies);
  on_run(*program.add(all, "ls", "List them", "  strandline policies ls").alias("list"),
         Purpose::read, list_policies);
  CLI::App& setting = of_prefix(
      program.add(all, "set", "Say what holds for streams whose names begin alike",
                  "  strandline policies set --prefix git. --age-max 30d --bytes-max 10GB\n"
                  "  strandline policies set --default --age-max 1w"));
  flags->policy = PolicyFlags::add_to(setting, true);
  on_run(setting, Purpose::create, set_policy);
  CLI::App& removing = of_prefix(program.add(all, "rm", "Remove what a prefix says",
                                             "  strandline policies rm --prefix git."));
  removing.alias("remove")->alias("delete");
  on_run(removing, Purpose::write, remove_policy);
}

}  // namespace strandline::tools
