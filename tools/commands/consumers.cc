// `strandline consumers`: named consumers, and the committed positions that readers keep by
// themselves.
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <memory>

#include "server/json/json_writer.h"
#include "server/wire/cloudevents.h"
#include "server/wire/consumer_json.h"
#include "tools/base/flags.h"
#include "tools/base/place.h"
#include "tools/base/program.h"
#include "tools/commands/consumer_table.h"
#include "tools/commands/dead_letters.h"
#include "tools/connection/log_handle.h"
#include "tools/connection/reading_flags.h"

namespace strandline::tools {
namespace {

struct ConsumersFlags {
  std::string prefix;
  std::string consumer;
  std::string stream;
  uint64_t limit = 10'000;
  std::optional<uint64_t> next;
  std::optional<uint64_t> expected;
  ConsumerChange change;
  std::string retain;
  Skip skip;
  bool json = false;
  ReadingFlags reading;
  std::string mode = "exclusive";
  std::string from;
  ConsumerSettings settings;  // what has a flag of its own
  std::optional<uint64_t> ack_deadline_ms;
  std::optional<uint64_t> unacked_max;
};

// All of them, page after page.
Result<std::vector<ConsumerInfo>> named(LogHandle& log, const ConsumersFlags& flags) {
  constexpr size_t kPage = 1'000;
  std::vector<ConsumerInfo> all;
  while (all.size() < flags.limit) {
    const size_t most = std::min<size_t>(kPage, flags.limit - all.size());
    auto page = log.consumers(flags.prefix, all.empty() ? "" : all.back().name, most);
    if (!page) return page;
    all.insert(all.end(), page->begin(), page->end());
    if (page->size() < most) break;
  }
  return all;
}

int list(LogHandle& log, const ConsumersFlags& flags) {
  auto consumers = named(log, flags);
  if (!consumers) return failed(consumers.error());
  auto positions = log.positions(flags.prefix, flags.limit);
  if (!positions) return failed(positions.error());
  // Where a named one stands is said with it.
  std::erase_if(*positions, [&](const ConsumerPosition& position) {
    return std::ranges::find(*consumers, position.consumer, &ConsumerInfo::name) !=
           consumers->end();
  });
  const bool both = !consumers->empty() && !positions->empty();
  if (!consumers->empty()) print(*consumers, flags.json);
  if (both && !flags.json) std::cout << '\n';
  if (consumers->empty() || !positions->empty()) print(*positions, flags.json);
  return kDone;
}

int show(LogHandle& log, const ConsumersFlags& flags) {
  auto info = log.describe_consumer(flags.consumer);
  if (info) {
    if (flags.json) {
      print(std::vector<ConsumerInfo>{*info}, true);
    } else {
      std::cout << describe(*info);
    }
    return kDone;
  }
  if (info.error().code != Code::not_found) return failed(info.error());
  auto positions = log.positions(flags.consumer, flags.limit);
  if (!positions) return failed(positions.error());
  std::erase_if(*positions, [&](const ConsumerPosition& position) {
    return position.consumer != flags.consumer ||
           (!flags.stream.empty() && position.stream != flags.stream);
  });
  if (positions->empty()) {
    return failed({.code = Code::not_found,
                   .message = fmt::format("consumer {} has no committed position{}", flags.consumer,
                                          flags.stream.empty() ? "" : " of " + flags.stream)});
  }
  print(*positions, flags.json);
  return kDone;
}

int update(LogHandle& log, const ConsumersFlags& flags) {
  ConsumerChange change = flags.change;
  if (!flags.retain.empty()) change.retain = flags.retain == "true";
  auto info = log.update_consumer(flags.consumer, change);
  if (!info) return failed(info.error());
  if (flags.json) {
    print(std::vector<ConsumerInfo>{*info}, true);
  } else {
    std::cout << describe(*info);
  }
  return kDone;
}

int set(LogHandle& log, const ConsumersFlags& flags) {
  const ConsumerChange& change = flags.change;
  const bool changes =
      change.ack_deadline_ms || change.attempts_max || change.unacked_max || !flags.retain.empty();
  const bool moves = !flags.stream.empty() && flags.next.has_value();
  if (changes == moves || (changes && (!flags.stream.empty() || flags.expected))) {
    return misused(
        "set changes what a consumer is bound by (--ack-deadline, --max-attempts, "
        "--unacked-max, --retain), or moves the position of a reader that has no consumer (STREAM "
        "NEXT); to move a consumer, use reset");
  }
  if (changes) return update(log, flags);
  auto next = log.commit({.consumer = flags.consumer,
                          .stream = flags.stream,
                          .expected = flags.expected,
                          .next = *flags.next});
  if (!next) return failed(next.error());
  std::cout << (flags.json ? fmt::format("{{\"next\":{}}}\n", *next)
                           : fmt::format("next {}\n", *next));
  return kDone;
}

int create(LogHandle& log, const ConsumersFlags& flags) {
  auto read = flags.reading.request(From::earliest());
  if (!read) return misused(read.error().message);
  auto mode = server::parse_consumer_mode(flags.mode);
  if (!mode) return misused(mode.error());
  ConsumerSettings settings = flags.settings;
  settings.mode = *mode;
  if (!settings.is_consumer_group() && (flags.ack_deadline_ms || flags.unacked_max)) {
    return misused(
        fmt::format("an exclusive consumer has no {}: it commits a position, and acks "
                    "nothing; --mode shared or --mode keyed makes a consumer group",
                    flags.ack_deadline_ms ? "--ack-deadline" : "--unacked-max"));
  }
  if (settings.mode != ConsumerSettings::Mode::keyed && !settings.key.empty()) {
    return misused("only a consumer of mode keyed has a --key: add --mode keyed");
  }
  settings.ack_deadline_ms = flags.ack_deadline_ms.value_or(settings.ack_deadline_ms);
  settings.unacked_max = flags.unacked_max.value_or(settings.unacked_max);
  settings.select = read->select;
  settings.start = read->from;
  settings.types = read->types;
  settings.subjects = read->subjects;
  auto info = log.create_consumer(flags.consumer, settings);
  if (!info) return failed(info.error());
  print(std::vector<ConsumerInfo>{*info}, flags.json);
  return kDone;
}

int reset(LogHandle& log, const ConsumersFlags& flags) {
  auto from = parse_from(flags.from);
  if (!from) return misused(from.error().message);
  const auto named = log.describe_consumer(flags.consumer);
  if (!named && named.error().code == Code::not_found) {
    auto positions = log.reset_positions(flags.consumer, *from);
    if (!positions) return failed(positions.error());
    print(*positions, flags.json);
    return kDone;
  }
  auto info = log.reset_consumer(flags.consumer, *from);
  if (!info) return failed(info.error());
  print(std::vector<ConsumerInfo>{*info}, flags.json);
  return kDone;
}

int remove(LogHandle& log, const ConsumersFlags& flags) {
  const auto removed = log.delete_consumer(flags.consumer);
  if (!removed) return failed(removed.error());
  if (flags.json) {
    std::string out = "{\"consumer\":";
    server::render_string(out, flags.consumer);
    std::cout << out << ",\"removed\":true}\n";
  }
  return kDone;
}

int skip(LogHandle& log, const ConsumersFlags& flags) {
  Skip request = flags.skip;
  request.consumer = flags.consumer;
  auto skipped = log.skip(request);
  if (!skipped) return failed(skipped.error());
  std::cout << (flags.json
                    ? fmt::format("{{\"skipped\":{},\"position\":{}}}\n", skipped->skipped,
                                  skipped->position)
                    : fmt::format("skipped {}, at {}\n", skipped->skipped, skipped->position));
  return kDone;
}

int replay(LogHandle& log, const ConsumersFlags& flags) {
  auto replayed = log.replay(flags.consumer, flags.limit);
  if (!replayed) return failed(replayed.error());
  std::cout << (flags.json ? fmt::format("{{\"replayed\":{}}}\n", *replayed)
                           : fmt::format("replayed {}\n", *replayed));
  return kDone;
}

int dead_letters(LogHandle& log, const ConsumersFlags& flags) {
  return print_dead_letters(log, flags.consumer, flags.limit, flags.json);
}

class ConsumersFamily {
 public:
  explicit ConsumersFamily(Program& program)
      : program_(program),
        flags_(std::make_shared<ConsumersFlags>()),
        all_(program.add("consumers",
                         "Named consumers and committed positions: list, create, reset, ...",
                         "  strandline consumers create billing orders --mode shared\n"
                         "  strandline consumers show billing\n"
                         "  strandline tail --consumer billing --exec ./charge")) {}

  void add_all() {
    listing(all_);
    listing(program_.add(all_, "ls", "List them", "  strandline consumers ls --prefix import/"));
    aliased("ls", {"list"});
    add_create();
    CLI::App& showing = program_.add(all_, "show", "Show one: where it stands, and its settings",
                                     "  strandline consumers show billing");
    name(showing);
    showing.add_option("stream", flags_->stream, "of a committed position: only of this stream");
    on_run(showing, Purpose::read, show);
    CLI::App& resetting =
        program_.add(all_, "reset", "Move one to any position, while it is being read",
                     "  strandline consumers reset billing earliest");
    name(resetting);
    resetting.add_option("from", flags_->from, kFromWhat)->required();
    on_run(resetting, Purpose::write, reset);
    CLI::App& removing = program_.add(all_, "rm", "Delete one; its dead letters stay",
                                      "  strandline consumers rm billing");
    name(removing);
    aliased("rm", {"remove", "delete"});
    on_run(removing, Purpose::write, remove);
    CLI::App& burying = program_.add(all_, "dead-letters", "What was given up on, and why",
                                     "  strandline consumers dead-letters billing --json");
    name(burying);
    limit(burying, "at most N");
    on_run(burying, Purpose::read, dead_letters);
    CLI::App& replaying =
        program_.add(all_, "replay", "Give dead letters out once more, the oldest first",
                     "  strandline consumers replay billing --limit 10");
    name(replaying);
    limit(replaying, "at most N");
    on_run(replaying, Purpose::write, replay);
    add_skip();
    add_set();
  }

 private:
  using Act = int (*)(LogHandle&, const ConsumersFlags&);

  void on_run(CLI::App& command, Purpose purpose, Act act) {
    program_.add_target_flags(command);
    command.add_flag("--json", flags_->json, "a JSON object a line");
    const bool named = command.get_option_no_throw("consumer") != nullptr;
    program_.on_run(command, [flags = flags_, &program = program_, purpose, act, named] {
      if (const auto fault = named ? check_name(flags->consumer, Limits()) : Status(); !fault) {
        return misused(fault.error().message);
      }
      // ($all and a ledger's $import are names of the log's own.)
      if (!flags->stream.empty() && !flags->stream.starts_with('$')) {
        if (const auto fault = check_name(flags->stream, Limits()); !fault) {
          return misused(fault.error().message);
        }
      }
      auto log = connect(program.settings(), purpose);
      return log ? act(**log, *flags) : not_connected(log.error());
    });
  }
  void aliased(const char* name, std::initializer_list<const char*> others) {
    for (const char* other : others) all_.get_subcommand(name)->alias(other);
  }
  void name(CLI::App& command) {
    command.add_option("consumer", flags_->consumer, "its name")->required();
  }
  void limit(CLI::App& command, const std::string& what) {
    add_number(command, "--limit", flags_->limit, what + " [10000]");
  }
  void listing(CLI::App& command) {
    command.add_option("--prefix", flags_->prefix, "only those whose names begin so");
    limit(command, "at most N");
    on_run(command, Purpose::read, list);
  }

  void add_skip() {
    CLI::App& skipping =
        program_.add(all_, "skip", "Give up on what is in its way: it goes to the dead letters",
                     "  strandline consumers skip billing --reason 'no such customer'\n"
                     "  strandline consumers skip billing --position 17 --count 2");
    name(skipping);
    Skip& request = flags_->skip;
    add_number(skipping, "--position", request.position,
               "the first to be skipped [the oldest that is not done]");
    add_number(skipping, "--count", request.count,
               "so many events; of a group, whatever is unacked of so many positions [1]");
    skipping.add_option("--reason", request.reason, "why, for the dead letter");
    on_run(skipping, Purpose::write, skip);
  }

  void add_set() {
    CLI::App& setting = program_.add(
        all_, "set", "Change one's bounds; or move the position of a reader that has no consumer",
        "  strandline consumers set mailer --max-attempts 10 --ack-deadline 1m\n"
        "  strandline consumers set billing orders 120 --expected 100");
    name(setting);
    setting.add_option("stream", flags_->stream, "to move a reader: the stream, or $all");
    add_number(setting, "next", flags_->next,
               "to move a reader: the first position not yet handled");
    add_number(setting, "--expected", flags_->expected,
               "to move a reader: what it must be now; 0 where there is none");
    ConsumerChange& change = flags_->change;
    add_duration<std::chrono::milliseconds>(setting, "--ack-deadline", change.ack_deadline_ms,
                                            "consumer groups: for what is given out from now on",
                                            {});
    add_number(setting, "--max-attempts", change.attempts_max, "then it is dead-lettered; 0: never",
               {0, UINT32_MAX});
    add_number(setting, "--unacked-max", change.unacked_max,
               "consumer groups: no more is given out while so many are unacked");
    setting.add_option("--retain", flags_->retain, "whether retention keeps what it has not acked")
        ->check(CLI::IsMember({"true", "false"}).description(""))
        ->type_name("true|false");
    on_run(setting, Purpose::write, set);
  }

  void add_create() {
    CLI::App& creating = program_.add(
        all_, "create", "Create one; the same again changes nothing",
        "  strandline consumers create billing orders\n"
        "  strandline consumers create mailer --prefix user. --mode keyed --key userid");
    name(creating);
    flags_->reading.add_to(creating);
    ConsumerSettings& settings = flags_->settings;
    creating
        .add_option("--mode", flags_->mode,
                    "exclusive: one reader at a time; shared: members, each event to one of them; "
                    "keyed: the same, in order within a key [exclusive]")
        ->type_name("exclusive|shared|keyed");
    creating.add_option("--key", settings.key, "keyed: the attribute that is the key [subject]");
    add_duration<std::chrono::milliseconds>(
        creating, "--ack-deadline", flags_->ack_deadline_ms,
        "consumer groups: what is not acked for so long is given to another [30s]", {});
    add_number(creating, "--max-attempts", settings.attempts_max,
               "then it is dead-lettered; 0: never [5; exclusive: 0]");
    add_number(creating, "--unacked-max", flags_->unacked_max,
               "consumer groups: no more is given out while so many are unacked [10000]");
    creating.add_option("--dead-letters", settings.dead_letters,
                        "the stream they go to [dead-letters/NAME]");
    creating.add_flag("--retain", settings.retain,
                      "retention keeps what it has not acked (committed)");
    aliased("create", {"add"});
    on_run(creating, Purpose::write, create);
  }

  Program& program_;
  const std::shared_ptr<ConsumersFlags> flags_;
  CLI::App& all_;
};

}  // namespace

void add_consumers(Program& program) { ConsumersFamily(program).add_all(); }

}  // namespace strandline::tools
