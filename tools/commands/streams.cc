// `strandline streams`: list, show, create, truncate, remove.
#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "server/json/json_writer.h"
#include "server/wire/cloudevents.h"
#include "tools/base/flags.h"
#include "tools/base/program.h"
#include "tools/base/table.h"
#include "tools/connection/log_handle.h"

namespace strandline::tools {
namespace {

constexpr size_t kPage = 1'000;

struct StreamsFlags {
  std::string name;
  std::string prefix;
  std::string description;
  uint64_t limit = std::numeric_limits<uint64_t>::max();
  uint64_t before = 0;
  bool json = false;
};

std::string time_or_dash(const std::optional<Timestamp>& time) {
  return time ? render_time(*time) : "-";
}

// The members of the API's stream object.
std::string render_json(const StreamInfo& stream) {
  std::string out = "{\"stream\":";
  server::render_string(out, stream.name);
  out += fmt::format(",\"start\":{},\"tail\":{},\"events\":{},\"bytes\":{},\"created\":\"{}\"",
                     stream.start.value, stream.tail.value, stream.events, stream.bytes,
                     render_time(stream.created));
  out += ",\"last_stored\":";
  out += stream.last_stored ? "\"" + render_time(*stream.last_stored) + "\"" : "null";
  out += ",\"description\":";
  server::render_string(out, stream.settings.description);
  return out + "}";
}

int show_one(const StreamInfo& stream, bool json) {
  if (json) {
    std::cout << render_json(stream) << '\n';
    return kDone;
  }
  std::cout << fmt::format("stream       {}\n", stream.name)
            << fmt::format("offsets      [{}, {})\n", stream.start.value, stream.tail.value)
            << fmt::format("events       {}\n", stream.events)
            << fmt::format("bytes        {}\n", stream.bytes)
            << fmt::format("created      {}\n", render_time(stream.created))
            << fmt::format("last stored  {}\n", time_or_dash(stream.last_stored));
  if (!stream.settings.description.empty()) {
    std::cout << fmt::format("description  {}\n", stream.settings.description);
  }
  return kDone;
}

int list(LogHandle& log, const StreamsFlags& flags) {
  std::vector<Row> rows = {{"STREAM", "START", "TAIL", "EVENTS", "BYTES", "LAST STORED"}};
  std::string after;
  uint64_t left = flags.limit;
  while (left > 0) {
    auto page = log.list(flags.prefix, after, std::min<uint64_t>(left, kPage));
    if (!page) return failed(page.error());
    if (page->empty()) break;
    for (const StreamInfo& stream : *page) {
      if (flags.json) {
        std::cout << render_json(stream) << '\n';
      } else {
        rows.push_back({stream.name, std::to_string(stream.start.value),
                        std::to_string(stream.tail.value), std::to_string(stream.events),
                        std::to_string(stream.bytes), time_or_dash(stream.last_stored)});
      }
    }
    left -= std::min<uint64_t>(left, page->size());
    after = page->back().name;
  }
  if (!flags.json) std::cout << render_table(rows);
  return kDone;
}

int show(LogHandle& log, const StreamsFlags& flags) {
  auto stream = log.describe(flags.name);
  return stream ? show_one(*stream, flags.json) : failed(stream.error());
}

int create(LogHandle& log, const StreamsFlags& flags) {
  auto stream = log.create_stream(flags.name, {.description = flags.description});
  if (!stream && stream.error().code == Code::exists) {
    // As with the API's PUT, a creation that is asked for again finds what it made.
    const auto there = log.describe(flags.name);
    if (there && there->settings.description == flags.description) stream = *there;
  }
  return stream ? show_one(*stream, flags.json) : failed(stream.error());
}

int remove(LogHandle& log, const StreamsFlags& flags) {
  auto removed = log.delete_stream(flags.name);
  if (!removed) return failed(removed.error());
  if (flags.json) {
    std::string out = "{\"stream\":";
    server::render_string(out, flags.name);
    std::cout << out << ",\"removed\":true}\n";
  }
  return kDone;
}

int truncate(LogHandle& log, const StreamsFlags& flags) {
  auto start = log.truncate(flags.name, Offset(flags.before));
  if (!start) return failed(start.error());
  std::cout << (flags.json ? fmt::format("{{\"start\":{}}}\n", start->value)
                           : fmt::format("start {}\n", start->value));
  return kDone;
}

}  // namespace

void add_streams(Program& program) {
  auto flags = std::make_shared<StreamsFlags>();
  const auto on_run = [&](CLI::App& command, Purpose purpose,
                          int (*act)(LogHandle&, const StreamsFlags&)) {
    program.add_target_flags(command);
    command.add_flag("--json", flags->json, "a JSON object a line");
    const bool named = command.get_option_no_throw("stream") != nullptr;
    program.on_run(command, [flags, &program, purpose, act, named] {
      const bool own = purpose == Purpose::read && flags->name == kAdminStream;
      if (const auto fault = named && !own ? check_name(flags->name, Limits()) : Status(); !fault) {
        return misused(fault.error().message);
      }
      auto log = connect(program.settings(), purpose);
      return log ? act(**log, *flags) : not_connected(log.error());
    });
  };
  const auto named = [&](CLI::App& command) -> CLI::App& {
    command.add_option("stream", flags->name, "its name")->required();
    return command;
  };
  CLI::App& all = program.add("streams", "List streams; create, show, truncate or remove one",
                              "  strandline streams --prefix git.\n"
                              "  strandline streams show git.rocksdb --json");
  const auto listing = [&](CLI::App& command) {
    command.add_option("--prefix", flags->prefix, "only names that begin so");
    add_number(command, "--limit", flags->limit, "at most N streams");
    on_run(command, Purpose::read, list);
  };
  listing(all);
  listing(
      *program.add(all, "ls", "List them", "  strandline streams ls --prefix git.").alias("list"));
  on_run(named(program.add(all, "show", "Describe a stream", "  strandline streams show orders")),
         Purpose::read, show);
  CLI::App& creating = named(program.add(all, "create", "Create a stream",
                                         "  strandline streams create orders --description 'of the "
                                         "shop'"));
  creating.alias("add");
  creating.add_option("--description", flags->description, "for people, up to 1,024 bytes");
  on_run(creating, Purpose::create, create);
  CLI::App& truncating = named(program.add(all, "truncate", "Forget a stream's oldest events",
                                           "  strandline streams truncate orders --before 1000"));
  add_number(truncating, "--before", flags->before, "the first offset to keep")->required();
  on_run(truncating, Purpose::write, truncate);
  CLI::App& removing =
      named(program.add(all, "rm", "Remove a stream and its events; its offsets are not used again",
                        "  strandline streams rm orders"));
  removing.alias("remove")->alias("delete");
  on_run(removing, Purpose::write, remove);
}

}  // namespace strandline::tools
