// `strandline keys`: create, list, show, rotate, revoke.
//
// A secret is printed once, when it is made, or written to a file that nobody else may read.
#include <fmt/format.h>
#include <rapidjson/document.h>

#include <iostream>
#include <memory>
#include <optional>

#include "server/base/secret_file.h"
#include "server/http/quota_text.h"
#include "tools/base/flags.h"
#include "tools/base/program.h"
#include "tools/base/table.h"
#include "tools/client/exchange.h"
#include "tools/connection/log_handle.h"

namespace strandline::tools {
namespace {

constexpr uint64_t kSecondMs = 1'000;
constexpr uint64_t kYearMs = 366ull * 24 * 3600 * kSecondMs;

struct KeysFlags {
  std::string name;
  std::vector<std::string> grants;
  std::optional<std::chrono::milliseconds> expires;
  std::string quota;
  std::chrono::milliseconds grace{0};
  std::string secret_file;
  bool json = false;
};

std::string grants_of(const rapidjson::Value& key) {
  std::string out;
  for (const rapidjson::Value& grant : array_of(key, "grants")) {
    const auto action = find_action(text_of(grant, "action"));
    if (!action) continue;
    const bool prefix = grant.HasMember("prefix") || *action == Action::admin;
    if (!out.empty()) out += ' ';
    out += render_grant({.action = *action,
                         .prefix = prefix,
                         .name = std::string(text_of(grant, prefix ? "prefix" : "stream"))});
  }
  return out;
}

std::string time_in(const rapidjson::Value& key, const char* name) {
  const std::string_view text = text_of(key, name);
  return text.empty() ? "-" : std::string(text);
}

rapidjson::Document parsed_key(const std::string& json) {
  rapidjson::Document document;
  document.Parse(json.data(), json.size());
  if (document.HasParseError() || !document.IsObject()) document.SetObject();
  return document;
}

// One key; its secret, where it has just been made, goes to the file, or is shown.
int print_key(Result<std::string> told, const KeysFlags& flags) {
  if (!told) return failed(told.error());
  while (told->ends_with('\n')) told->pop_back();
  rapidjson::Document key = parsed_key(*told);
  const std::string secret(text_of(key, "secret"));
  const bool to_file = !secret.empty() && !flags.secret_file.empty();
  if (to_file) {
    if (auto written = server::write_secret_file(flags.secret_file, secret); !written) {
      return failed(written.error().message +
                    ": the key is there, and its secret is lost: rotate it");
    }
    // So that it stands in one place.
    told->erase(told->find(",\"secret\":\""), secret.size() + sizeof(",\"secret\":\"\"") - 1);
  }
  if (flags.json) {
    std::cout << *told << '\n';
    return kDone;
  }
  std::cout << fmt::format("key      {}\n", text_of(key, "key"))
            << fmt::format("grants   {}\n", grants_of(key))
            << fmt::format("created  {}\n", time_in(key, "created"))
            << fmt::format("expires  {}\n", time_in(key, "expires"))
            << fmt::format("state    {}\n", text_of(key, "state"));
  if (key.HasMember("quota")) std::cout << fmt::format("quota    {}\n", text_of(key, "quota"));
  if (key.HasMember("old_secret_until")) {
    std::cout << fmt::format("its old secret is good until {}\n", time_in(key, "old_secret_until"));
  }
  if (to_file) {
    std::cout << fmt::format("secret   in {}\n", flags.secret_file);
  } else if (!secret.empty()) {
    std::cout << fmt::format("secret   {}\n", secret);
    std::cerr << "strandline: the secret is not shown again: keep it now\n";
  }
  return kDone;
}

int create_one(LogHandle& log, const KeysFlags& flags) {
  std::vector<Grant> grants;
  for (const std::string& text : flags.grants) {
    auto parsed = parse_grants(text);
    if (!parsed) return misused(parsed.error());
    for (Grant& grant : *parsed) grants.push_back(std::move(grant));
  }
  std::optional<std::chrono::seconds> lifetime;
  if (flags.expires) lifetime = std::chrono::ceil<std::chrono::seconds>(*flags.expires);
  const auto quota = server::parse_quota(flags.quota);
  if (!quota) return misused("--quota " + quota.error());
  return print_key(log.create_key(flags.name, std::move(grants), lifetime, *quota), flags);
}

int list_all(LogHandle& log, const KeysFlags& flags) {
  const auto told = log.keys();
  if (!told) return failed(told.error());
  if (flags.json) {
    std::cout << *told << (told->ends_with('\n') ? "" : "\n");
    return kDone;
  }
  const rapidjson::Document keys = parsed_key(*told);
  std::vector<Row> rows = {{"KEY", "STATE", "EXPIRES", "GRANTS"}};
  for (const rapidjson::Value& key : array_of(keys, "keys")) {
    rows.push_back({std::string(text_of(key, "key")), std::string(text_of(key, "state")),
                    time_in(key, "expires"), grants_of(key)});
  }
  std::cout << render_table(rows);
  return kDone;
}

int show_one_key(LogHandle& log, const KeysFlags& flags) {
  return print_key(log.key(flags.name), flags);
}

int rotate_one(LogHandle& log, const KeysFlags& flags) {
  return print_key(log.rotate_key(flags.name, std::chrono::ceil<std::chrono::seconds>(flags.grace)),
                   flags);
}

int revoke_one(LogHandle& log, const KeysFlags& flags) {
  return print_key(log.revoke_key(flags.name), flags);
}

}  // namespace

void add_keys(Program& program) {
  auto flags = std::make_shared<KeysFlags>();
  const auto on_run = [&](CLI::App& command, Purpose purpose,
                          int (*act)(LogHandle&, const KeysFlags&)) {
    program.add_target_flags(command);
    command.add_flag("--json", flags->json, "as the API has it");
    program.on_run(command, [flags, &program, purpose, act] {
      auto log = connect(program.settings(), purpose);
      return log ? act(**log, *flags) : not_connected(log.error());
    });
  };
  const auto named = [&](CLI::App& command) -> CLI::App& {
    command.add_option("key", flags->name, "its name")->required();
    return command;
  };
  const auto keeping = [&](CLI::App& command) {
    command
        .add_option("--secret-file", flags->secret_file,
                    "a new file for the secret, which is not printed then (mode 600)")
        ->type_name("FILE");
  };
  CLI::App& all = program.add("keys", "List API keys; create, show, rotate or revoke one",
                              "  strandline keys --data ./data\n"
                              "  strandline keys create shop --grant append,read:orders/*");
  on_run(all, Purpose::read, list_all);
  on_run(*program.add(all, "ls", "List them", "  strandline keys ls --data ./data").alias("list"),
         Purpose::read, list_all);
  on_run(named(program.add(all, "show", "Describe a key", "  strandline keys show shop")),
         Purpose::read, show_one_key);
  CLI::App& creating = named(program.add(
      all, "create", "Create a key; a log that has one asks everybody for a key",
      "  strandline keys create admin --grant admin --data ./data --secret-file admin.key\n"
      "  strandline keys create shop --grant append,read:orders/* --expires 90d"));
  creating.alias("add");
  creating
      .add_option("--grant", flags->grants,
                  "ACTION,...:PATTERN, several times if need be: read, append, consume, publish, "
                  "subscribe, presence, manage, audit on a name, PREFIX* or *; or admin")
      ->required()
      ->type_name("GRANT")
      ->allow_extra_args(false);
  add_duration_flag(
      creating, "--expires", [flags](std::chrono::milliseconds time) { flags->expires = time; },
      "how long it is good, such as 90d; for good, if it is not said", {kSecondMs, 100 * kYearMs});
  creating
      .add_option("--quota", flags->quota,
                  "how much it may take: requests=100/s,bytes=1MB/s,connections=10,followers=5,"
                  "streams=20/h,stored=1GB:orders/*, or some of these; what is not said is as the "
                  "server has it")
      ->type_name("QUOTA");
  keeping(creating);
  on_run(creating, Purpose::create, create_one);
  CLI::App& rotating = named(program.add(all, "rotate", "Give a key another secret",
                                         "  strandline keys rotate shop --grace 1h"));
  add_duration_flag(
      rotating, "--grace", [flags](std::chrono::milliseconds time) { flags->grace = time; },
      "how long the secret before is good yet; not at all, if it is not said", {0, kYearMs});
  keeping(rotating);
  on_run(rotating, Purpose::write, rotate_one);
  on_run(named(program.add(all, "revoke", "End a key at once, and for good",
                           "  strandline keys revoke shop")),
         Purpose::write, revoke_one);
}

}  // namespace strandline::tools
