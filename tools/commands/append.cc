// `strandline append`: standard input to one stream.
#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "server/json/json_writer.h"
#include "server/wire/cloudevents.h"
#include "tools/base/appended_lines.h"
#include "tools/base/flags.h"
#include "tools/base/lines.h"
#include "tools/base/place.h"
#include "tools/base/program.h"
#include "tools/connection/log_handle.h"

namespace strandline::tools {
namespace {

constexpr char kAppendExample[] =
    "  echo hello | strandline append greetings\n"
    "  echo '{\"total\":12}' | strandline append orders --type order.placed\n"
    "  echo '{\"type\":\"order.placed\",\"data\":{\"total\":12}}' | strandline append orders\n"
    "  journalctl -f -o cat | strandline append journal --text --type journal.line\n"
    "  strandline append orders --events --producer shop --epoch 1 --seq 0 <orders.ndjson\n\n"
    "Each line is an event of its own. A JSON object with a \"type\" is a whole event "
    "(CloudEvents\n"
    "in JSON); any other JSON object, or an array, is an event's data; everything else is text. A\n"
    "line that begins as JSON and is broken is refused. --events, --json-data and --text say what\n"
    "all lines are.";

constexpr size_t kBatchEvents = 1'000;
constexpr size_t kBatchBytes = 1 << 20;

struct AppendFlags {
  std::string stream;
  std::string type = "line";
  std::optional<std::string> expected;
  std::string durability = "fsync";
  bool events = false;
  bool json_data = false;
  bool text = false;
  bool json = false;
  Producer producer;  // an empty id: none
};

// What was appended so far.
struct Sum {
  std::optional<Offset> first;
  Offset next;
  uint64_t events = 0;
  uint64_t retried = 0;  // of these: they were there before
};

int report_failure(const Error& error, const Sum& sum) {
  std::string message = error.message;
  if (sum.events > 0) {
    message += fmt::format("; appended before that: {} events, offsets {} to {}", sum.events,
                           sum.first->value, sum.next.value - 1);
  }
  if (error.code == Code::io || error.code == Code::outcome_unknown) {
    message += sum.events > 0 ? "; whether the events after these were appended is unknown"
                              : "; whether anything was appended is unknown";
  } else if (sum.events == 0) {
    message += "; nothing was appended";
  }
  return failed({.code = error.code, .message = message});
}

// A line that is no event: a mistake in the input, and none of the command.
int report_line(uint64_t line, const Error& error, const Sum& sum) {
  report_failure({.code = error.code, .message = fmt::format("line {}: {}", line, error.message)},
                 sum);
  return kFailed;
}

void print_sum(const std::string& stream, const Sum& sum, bool json) {
  if (json) {
    std::string out = "{\"stream\":";
    server::render_string(out, stream);
    out +=
        sum.first ? fmt::format(",\"first\":{},\"next\":{}", sum.first->value, sum.next.value) : "";
    if (sum.retried > 0) out += fmt::format(",\"retried\":{}", sum.retried);
    std::cout << out << fmt::format(",\"events\":{}}}\n", sum.events);
  } else if (sum.events == 0) {
    std::cout << "no events\n";
  } else {
    std::cout << fmt::format("first {} next {}{}\n", sum.first->value, sum.next.value,
                             sum.retried == 0            ? ""
                             : sum.retried == sum.events ? ", appended before"
                                                         : ", in part appended before");
  }
}

int append(const Settings& settings, const AppendFlags& flags) {
  Append conditions{.stream = flags.stream, .batch = *Batch::of({{.type = "none"}})};
  if (flags.expected == "absent") {
    conditions.expected = Expected::absent();
  } else if (flags.expected) {
    const auto next = server::read_number(*flags.expected);
    if (!next) return misused(fmt::format("--expected: {}, nor \"absent\"", next.error()));
    conditions.expected = Offset(*next);
  }
  if (!flags.producer.id.empty()) conditions.producer = flags.producer;
  conditions.durability = flags.durability == "fsync" ? Durability::fsync : Durability::accepted;
  if (auto named = check_name(flags.stream, Limits()); !named)
    return misused(named.error().message);

  auto log = connect(settings, Purpose::create);
  if (!log) return not_connected(log.error());
  auto input = Lines::open("-");
  if (!input) return failed(input.error());
  AppendedLines events(flags.events      ? AppendedLines::As::events
                       : flags.json_data ? AppendedLines::As::data
                       : flags.text      ? AppendedLines::As::text
                                         : AppendedLines::As::detected,
                       flags.type);
  Sum sum;
  const auto send = [&]() -> Status {
    if (events.count() == 0) return {};
    auto batch = events.take();
    if (!batch) return std::unexpected(batch.error());
    auto appended = (*log)->append({.stream = flags.stream,
                                    .batch = std::move(*batch),
                                    .expected = conditions.expected,
                                    .durability = conditions.durability,
                                    .producer = conditions.producer});
    if (!appended) return std::unexpected(appended.error());
    if (!sum.first) sum.first = appended->first;
    sum.next = appended->next;
    sum.events += appended->next - appended->first;
    if (appended->retried) sum.retried += appended->next - appended->first;
    if (conditions.producer) ++conditions.producer->sequence;
    // What was expected of the first holds for all: nothing of anybody else's in between.
    if (flags.expected) conditions.expected = appended->next;
    return {};
  };
  while (true) {
    // Whatever is there is sent before waiting for more; but a producer's appends begin and end
    // where they did, if the command is repeated.
    const bool waits = !conditions.producer && !input->ready();
    if (waits || events.count() >= kBatchEvents || events.bytes() >= kBatchBytes) {
      if (auto sent = send(); !sent) return report_failure(sent.error(), sum);
    }
    auto line = input->next();
    if (!line) return report_failure(line.error(), sum);
    if (!*line) break;
    if (auto added = events.add(**line); !added) {
      if (auto sent = send(); !sent) return report_failure(sent.error(), sum);
      return report_line(input->count(), added.error(), sum);
    }
  }
  if (auto sent = send(); !sent) return report_failure(sent.error(), sum);
  print_sum(flags.stream, sum, flags.json);
  return kDone;
}

}  // namespace

void add_append(Program& program) {
  auto flags = std::make_shared<AppendFlags>();
  CLI::App& command =
      program.add("append", "Append standard input to a stream, a line an event", kAppendExample);
  program.add_target_flags(command);
  command.add_option("stream", flags->stream, "the stream; created by its first event")->required();
  command.add_option("--type", flags->type,
                     "of the events of lines that are none themselves [line]");
  auto* events =
      command.add_flag("--events", flags->events, "each line is an event in JSON (NDJSON)");
  auto* data =
      command.add_flag("--json-data", flags->json_data, "each line is the JSON data of an event")
          ->excludes(events);
  command.add_flag("--text", flags->text, "each line is text, whatever it looks like")
      ->excludes(events)
      ->excludes(data);
  command.add_option("--expected", flags->expected,
                     "the stream's next offset must be this; \"absent\": it must not exist");
  command
      .add_option("--durability", flags->durability,
                  "fsync: acknowledged when fsynced; accepted: sooner [fsync]")
      ->check(CLI::IsMember({"fsync", "accepted"}).description(""))
      ->type_name("fsync|accepted");
  auto* producer = command.add_option("--producer", flags->producer.id,
                                      "who appends, so that the same command with the same input "
                                      "may be repeated: what was appended before is not again");
  auto* epoch = add_number(command, "--epoch", flags->producer.epoch,
                           "of the producer: a higher one fences those below it");
  auto* sequence = add_number(command, "--seq", flags->producer.sequence,
                              "of its first append, and counted on from there, an append "
                              "for each 1,000 lines; 0 in a new epoch");
  producer->needs(epoch)->needs(sequence);
  epoch->needs(producer);
  sequence->needs(producer);
  command.add_flag("--json", flags->json, "print the outcome as JSON");
  program.on_run(command, [flags, &program] { return append(program.settings(), *flags); });
}

}  // namespace strandline::tools
