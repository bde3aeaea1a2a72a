// `strandline channels`: who subscribes to a server's live channels, and who is in them.
#include <fmt/format.h>
#include <rapidjson/document.h>

#include <iostream>
#include <memory>

#include "tools/base/program.h"
#include "tools/base/table.h"
#include "tools/client/http.h"
#include "tools/connection/log_handle.h"

namespace strandline::tools {
namespace {

constexpr char kChannelsExample[] =
    "  strandline channels --prefix presence-\n"
    "  strandline channels members presence-lobby\n"
    "  strandline channels connections --json\n"
    "  strandline channels end --user ann";

struct ChannelsFlags {
  bool json = false;
  std::string prefix, channel, user, connection;
};

// A cell for each of these members of an object.
Row cells_of(const rapidjson::Value& object, const std::vector<const char*>& members) {
  Row row;
  for (const char* name : members) {
    const auto found = object.FindMember(name);
    if (found == object.MemberEnd()) {
      row.emplace_back("-");
    } else if (found->value.IsString()) {
      row.emplace_back(found->value.GetString());
    } else if (found->value.IsUint64()) {
      row.push_back(std::to_string(found->value.GetUint64()));
    } else if (found->value.IsArray()) {
      row.push_back(std::to_string(found->value.Size()));
    } else {
      row.emplace_back("...");
    }
  }
  return row;
}

// Asks a server, and prints the array that it answers under a name.
int show(const Settings& settings, bool json, const std::string& path, const char* array,
         const std::vector<const char*>& members) {
  auto log = connect(settings, Purpose::read);
  if (!log) return not_connected(log.error());
  auto answer = (*log)->ask_live("GET", path);
  if (!answer) return failed(answer.error());
  while (answer->ends_with('\n')) answer->pop_back();
  if (json) {
    std::cout << *answer << '\n';
    return kDone;
  }
  rapidjson::Document document;
  document.Parse(answer->data(), answer->size());
  if (document.HasParseError() || !document.IsObject() || !document.HasMember(array)) {
    return failed("the answer is not what was asked for; is it a Strandline server?");
  }
  std::vector<Row> rows = {Row(members.begin(), members.end())};
  for (const auto& one : document[array].GetArray()) rows.push_back(cells_of(one, members));
  std::cout << render_table(rows);
  return kDone;
}

int end_them(const Settings& settings, const ChannelsFlags& flags) {
  if (flags.user.empty() == flags.connection.empty()) {
    return misused("name whose connections end: --user NAME, or --connection ID");
  }
  auto log = connect(settings, Purpose::write);
  if (!log) return not_connected(log.error());
  const std::string path = flags.user.empty() ? "/v1/connections/" + encode(flags.connection)
                                              : "/v1/users/" + encode(flags.user) + "/connections";
  auto answer = (*log)->ask_live("DELETE", path);
  if (!answer) return failed(answer.error());
  std::cout << *answer;
  return kDone;
}

}  // namespace

void add_channels(Program& program) {
  auto flags = std::make_shared<ChannelsFlags>();
  CLI::App& command = program.add("channels", "List a server's live channels, and who is in them",
                                  kChannelsExample);
  program.add_target_flags(command);
  command.add_flag("--json", flags->json, "as the server answers it");
  command.add_option("--prefix", flags->prefix, "only channels whose names begin so");
  program.on_run(command, [flags, &program] {
    return show(program.settings(), flags->json, "/v1/channels?prefix=" + encode(flags->prefix),
                "channels", {"channel", "subscribers", "members"});
  });

  CLI::App& members =
      program.add(command, "members", "List who is in a presence channel", kChannelsExample);
  program.add_target_flags(members);
  members.add_flag("--json", flags->json, "as the server answers it");
  members.add_option("channel", flags->channel, "its name")->required();
  program.on_run(members, [flags, &program] {
    return show(program.settings(), flags->json,
                "/v1/channels/" + encode(flags->channel) + "/members", "members",
                {"user", "joined_at"});
  });

  CLI::App& connections =
      program.add(command, "connections", "List live connections", kChannelsExample);
  program.add_target_flags(connections);
  connections.add_flag("--json", flags->json, "as the server answers it");
  connections.add_option("channel", flags->channel, "only those that subscribe to it");
  program.on_run(connections, [flags, &program] {
    const std::string path = flags->channel.empty()
                                 ? "/v1/connections"
                                 : "/v1/channels/" + encode(flags->channel) + "/connections";
    return show(program.settings(), flags->json, path, "connections",
                {"connection", "user", "since", "channels"});
  });

  CLI::App& end = program.add(command, "end", "End a user's live connections, or one connection",
                              kChannelsExample);
  program.add_target_flags(end);
  end.add_option("--user", flags->user, "whose connections");
  end.add_option("--connection", flags->connection, "which one");
  program.on_run(end, [flags, &program] { return end_them(program.settings(), *flags); });
}

}  // namespace strandline::tools
