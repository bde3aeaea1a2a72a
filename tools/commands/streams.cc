// `strandline streams`: list, show, create, set, truncate, remove.
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <memory>

#include "engine/api/clock.h"
#include "server/http/quantity.h"
#include "server/json/json_writer.h"
#include "server/wire/cloudevents.h"
#include "server/wire/policy_json.h"
#include "tools/base/consent.h"
#include "tools/base/flags.h"
#include "tools/base/program.h"
#include "tools/base/table.h"
#include "tools/commands/policy_flags.h"
#include "tools/connection/log_handle.h"

namespace strandline::tools {
namespace {

constexpr size_t kPage = 1'000;

struct StreamsFlags {
  std::string name;
  std::string prefix;
  std::string description;
  uint64_t limit = std::numeric_limits<uint64_t>::max();
  std::optional<uint64_t> before;
  std::string before_time;
  bool has_description = false;
  std::shared_ptr<PolicyFlags> creating, changing;
  bool json = false;
  Consent consent;
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
  if (!stream.settings.policy.empty()) {
    out += ",\"policy\":";
    server::render_policy(out, stream.settings.policy);
  }
  if (!stream.effective.empty()) {
    out += ",\"effective\":";
    server::render_effective(out, stream.effective);
  }
  if (stream.hold) {
    out += ",\"held_by\":";
    server::render_string(out, stream.hold->name);
  }
  return out + "}";
}

std::string said_by(const NameScope& scope) {
  if (!scope.prefix) return "its own policy";
  return scope.name.empty() ? "the default" : fmt::format("prefix {}", scope.name);
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
  // What holds, and by whose word.
  for (const auto& [field, said] : stream.effective) {
    std::cout << fmt::format("{:<12} {}, by {}\n", row_of(field).name, readable(field, said.value),
                             said_by(said.from));
  }
  if (stream.hold) std::cout << fmt::format("held by      {}\n", stream.hold->name);
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
  const auto policy = flags.creating->change();
  if (!policy) return misused(policy.error());
  const StreamSettings settings{.description = flags.description, .policy = changed({}, *policy)};
  auto stream = log.create_stream(flags.name, settings);
  if (!stream && stream.error().code == Code::exists) {
    // As with the API's PUT, a creation that is asked for again finds what it made.
    const auto there = log.describe(flags.name);
    if (there && there->settings == settings) stream = *there;
  }
  return stream ? show_one(*stream, flags.json) : failed(stream.error());
}

// What a stream has. Who may change it and not read it goes on with --yes, without the numbers.
Result<std::optional<StreamInfo>> looked_at(LogHandle& log, const StreamsFlags& flags) {
  auto stream = log.describe(flags.name);
  if (stream) return *stream;
  if (stream.error().code == Code::inaccessible && flags.consent.is_given()) return std::nullopt;
  return std::unexpected(std::move(stream.error()));
}

int set(LogHandle& log, const StreamsFlags& flags) {
  auto policy = flags.changing->change();
  if (!policy) return misused(policy.error());
  StreamChange change{.policy = std::move(*policy)};
  if (flags.has_description) change.description = flags.description;
  if (change.policy.empty() && !change.description) {
    return misused("say what is to hold: --age-max, --bytes-max and so on, or --description");
  }
  auto stream = log.change_stream(flags.name, std::move(change));
  return stream ? show_one(*stream, flags.json) : failed(stream.error());
}

int remove(LogHandle& log, const StreamsFlags& flags) {
  const auto stream = looked_at(log, flags);
  if (!stream) return failed(stream.error());
  std::string what = fmt::format("removes the stream \"{}\" and all its events", flags.name);
  if (*stream) what += fmt::format(" ({}, {} bytes)", (*stream)->events, (*stream)->bytes);
  if (const auto end = flags.consent.ask(what, flags.json)) return *end;
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
  if (flags.before.has_value() == !flags.before_time.empty()) {
    return misused("say what goes: --before OFFSET, the first to keep, or --before-time TIME");
  }
  TruncateRequest request{.stream = flags.name};
  std::string what = fmt::format("forgets the events of \"{}\" ", flags.name);
  if (flags.before) {
    request.before = Offset(*flags.before);
    what += fmt::format("below offset {}", *flags.before);
    const auto stream = looked_at(log, flags);
    if (!stream) return failed(stream.error());
    if (*stream) {
      const StreamInfo& info = **stream;
      const uint64_t to = std::clamp(*flags.before, info.start.value, info.tail.value);
      what += fmt::format(" ({} of {})", to - info.start.value, info.events);
    }
  } else {
    const auto moment = server::read_moment(flags.before_time, SystemClock().now());
    if (!moment) return misused("--before-time: " + moment.error());
    request.before = *moment;
    TruncateRequest look = request;
    look.dry_run = true;
    const auto would = log.truncate(look);
    if (!would) return failed(would.error());
    what += fmt::format("that were stored before {} ({} of them, below offset {})",
                        render_time(*moment), would->events, would->start.value);
  }
  if (const auto end = flags.consent.ask(what, flags.json)) return *end;
  const auto taken = log.truncate(request);
  if (!taken) return failed(taken.error());
  std::cout << (flags.json ? fmt::format("{{\"start\":{},\"events\":{},\"bytes\":{}}}\n",
                                         taken->start.value, taken->events, taken->bytes)
                           : fmt::format("start {}\n", taken->start.value));
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
      const bool own = purpose == Purpose::read && is_own_stream(flags->name);
      if (const auto fault = named && !own ? check_name(flags->name, Limits()) : Status(); !fault) {
        return misused(fault.error().message);
      }
      auto log = connect(program.settings(), flags->consent.is_dry_run() ? Purpose::read : purpose);
      return log ? act(**log, *flags) : not_connected(log.error());
    });
  };
  const auto named = [&](CLI::App& command) -> CLI::App& {
    command.add_option("stream", flags->name, "its name")->required();
    return command;
  };
  CLI::App& all = program.add("streams", "List streams; create, show, set, truncate or remove one",
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
  const auto describing = [&](CLI::App& command) {
    command.add_option_function<std::string>(
        "--description",
        [flags](const std::string& text) {
          flags->description = text;
          flags->has_description = true;
        },
        "for people, up to 1,024 bytes");
  };
  describing(creating);
  flags->creating = PolicyFlags::add_to(creating, false);
  on_run(creating, Purpose::create, create);
  CLI::App& setting = named(
      program.add(all, "set", "Change what holds for a stream: how long events are kept, and so on",
                  "  strandline streams set orders --age-max 30d --bytes-max 10GB\n"
                  "  strandline streams set orders --unset age-max"));
  describing(setting);
  flags->changing = PolicyFlags::add_to(setting, true);
  on_run(setting, Purpose::write, set);
  CLI::App& truncating =
      named(program.add(all, "truncate", "Forget a stream's oldest events",
                        "  strandline streams truncate orders --before 1000 --dry-run\n"
                        "  strandline streams truncate orders --before-time -30d --yes"));
  add_number_flag(truncating, "--before", [flags](uint64_t before) { flags->before = before; },
                  "the first offset to keep", {});
  truncating
      .add_option("--before-time", flags->before_time,
                  "or: keep what was stored at or after this moment; -30d is so long ago")
      ->type_name("TIME");
  flags->consent.add_to(truncating);
  on_run(truncating, Purpose::write, truncate);
  CLI::App& removing =
      named(program.add(all, "rm", "Remove a stream and its events; its offsets are not used again",
                        "  strandline streams rm orders --yes"));
  removing.alias("remove")->alias("delete");
  flags->consent.add_to(removing);
  on_run(removing, Purpose::write, remove);
}

}  // namespace strandline::tools
