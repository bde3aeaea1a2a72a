// `strandline append`: standard input to one stream.
#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "server/cloudevents.h"
#include "tools/connection.h"
#include "tools/line_events.h"
#include "tools/lines.h"
#include "tools/place.h"
#include "tools/program.h"

namespace strandline::tools {
namespace {

constexpr char kAppendExample[] =
    "  echo hello | strandline append greetings\n"
    "  echo '{\"type\":\"order.placed\",\"data\":{\"total\":12}}' | strandline append orders\n"
    "  journalctl -f -o cat | strandline append journal --lines --type journal.line\n"
    "  strandline append orders --producer shop --epoch 1 --seq 0 <orders.ndjson  # may be "
    "repeated";

constexpr size_t kBatchEvents = 1'000;
constexpr size_t kBatchBytes = 1 << 20;

struct AppendFlags {
  std::string stream;
  std::string type = "line";
  std::string expected;
  std::string durability = "fsync";
  bool ndjson = false;
  bool lines = false;
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
  if (error.code == Code::io || error.code == Code::outcome_unknown) {
    message += "; whether the events after these were appended is unknown";
  }
  if (error.code == Code::closed && sum.events == 0) return failed(error);  // and it says so
  return failed(sum.events == 0
                    ? message + "; nothing before that was appended"
                    : fmt::format("{}; appended before that: {} events, offsets {} to {}", message,
                                  sum.events, sum.first->value, sum.next.value - 1));
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
  } else if (!flags.expected.empty()) {
    const auto next = parse_size(flags.expected);
    if (!next) return misused("--expected takes an offset, or \"absent\"");
    conditions.expected = Offset(*next);
  }
  if (!flags.producer.id.empty()) conditions.producer = flags.producer;
  conditions.durability = flags.durability == "fsync" ? Durability::fsync : Durability::accepted;
  if (auto named = check_name(flags.stream, Limits()); !named)
    return misused(named.error().message);

  auto connection = connect(settings, Purpose::write);
  if (!connection) return not_connected(connection.error());
  auto input = Lines::open("-");
  if (!input) return failed(input.error());
  LineEvents events(flags.ndjson  ? LineForm::ndjson
                    : flags.lines ? LineForm::plain
                                  : LineForm::detect,
                    flags.type, flags.stream);
  Sum sum;
  if (auto form = events.decide(*input); !form) return report_failure(form.error(), sum);
  const auto send = [&]() -> Status {
    if (events.count() == 0) return {};
    auto parts = events.take();
    if (!parts) return std::unexpected(parts.error());
    for (AppendMany::Part& part : *parts) {
      auto appended = (*connection)
                          ->append({.stream = part.stream,
                                    .batch = std::move(part.batch),
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
      if (!flags.expected.empty()) conditions.expected = appended->next;
    }
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
      return report_failure(
          {.code = added.error().code,
           .message = fmt::format("line {}: {}", input->count(), added.error().message)},
          sum);
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
  command.add_option("--type", flags->type, "of plain lines' events [line]");
  auto* ndjson =
      command.add_flag("--ndjson", flags->ndjson,
                       "lines are events in JSON; by default, if the first of them is one");
  command.add_flag("--lines", flags->lines, "lines are plain text")->excludes(ndjson);
  command.add_option("--expected", flags->expected,
                     "the stream's next offset must be this; \"absent\": it must not exist");
  command
      .add_option("--durability", flags->durability,
                  "fsync: acknowledged when fsynced; accepted: sooner [fsync]")
      ->check(CLI::IsMember({"fsync", "accepted"}));
  auto* producer = command.add_option("--producer", flags->producer.id,
                                      "who appends, so that the same command with the same input "
                                      "may be repeated: what was appended before is not again");
  auto* epoch = command.add_option("--epoch", flags->producer.epoch,
                                   "of the producer: a higher one fences those below it");
  auto* sequence = command.add_option("--seq", flags->producer.sequence,
                                      "of its first append, and counted on from there, an append "
                                      "for each 1,000 lines; 0 in a new epoch");
  producer->needs(epoch)->needs(sequence);
  epoch->needs(producer);
  sequence->needs(producer);
  command.add_flag("--json", flags->json, "print the outcome as JSON");
  program.on_run(command, [flags, &program] { return append(program.settings(), *flags); });
}

}  // namespace strandline::tools
