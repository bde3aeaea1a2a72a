// `strandline read`: what is there, as NDJSON.
#include <memory>

#include "tools/base/flags.h"
#include "tools/base/output.h"
#include "tools/base/program.h"
#include "tools/base/shape.h"
#include "tools/connection/reading_flags.h"
#include "tools/resuming/resume.h"

namespace strandline::tools {
namespace {

constexpr char kReadExample[] =
    "  strandline read orders --from 100 --limit 10\n"
    "  strandline read --all --from 2026-01-02T03:04:05Z --type 'order.*'\n"
    "  strandline read orders --last 3 --backward";

constexpr std::chrono::seconds kReadPatience{60};

struct ReadFlags {
  ReadingFlags reading;
  std::optional<uint64_t> last;
  uint64_t limit = std::numeric_limits<uint64_t>::max();
  bool backward = false;
  bool raw = false;
  bool json = false;  // changes nothing
};

int read(const Settings& settings, const ReadFlags& flags) {
  auto request = flags.reading.request(flags.backward ? From::latest() : From::earliest());
  if (!request) return misused(request.error().message);
  request->events_max = flags.limit;
  request->backward = flags.backward;
  if (flags.backward && request->select.kind != Selection::Kind::stream) {
    return misused("--backward reads one stream");
  }
  if (flags.last) {
    // Backwards, the last N are the first N that are met.
    if (flags.backward) request->events_max = std::min(flags.limit, *flags.last);
    if (!flags.backward) request->from = From::last(*flags.last);
  }
  auto log = connect(settings, Purpose::read);
  if (!log) return not_connected(log.error());
  // The first answer decides whether there is anything to resume.
  auto first = (*log)->read(*request);
  if (!first) return failed(first.error());

  ResumingReader reader(**log, *request, std::move(*first), kReadPatience);
  const Shape shape = flags.raw ? Shape::data : Shape::full;
  Output output;
  bool damaged = false;
  while (true) {
    auto delivery = reader.next(kReadPatience);
    if (!delivery) {
      if (auto flushed = output.flush(); !flushed) return failed(flushed.error());
      return failed(delivery.error());
    }
    if (!*delivery) break;
    if (const auto* events = std::get_if<Events>(&**delivery)) {
      for (const Event& event : *events) {
        print_event(output.buffer(), shape, events->stream(), event);
        if (auto written = output.written(); !written) return failed(written.error());
      }
    } else if (const auto* gap = std::get_if<Gap>(&**delivery)) {
      print_gap(output.buffer(), shape, *gap);
      damaged = damaged || gap->reason == GapReason::damaged;
    }
  }
  if (auto flushed = output.flush(); !flushed) return failed(flushed.error());
  return damaged ? failed("events are damaged; `strandline verify` finds out more") : kDone;
}

}  // namespace

void add_read(Program& program) {
  auto flags = std::make_shared<ReadFlags>();
  CLI::App& command = program.add("read", "Print events as NDJSON, up to the tail", kReadExample);
  program.add_target_flags(command);
  flags->reading.add_to(command);
  add_number(command, "-n,--last", flags->last, "the last N events");
  add_number(command, "--limit", flags->limit, "at most N events");
  command.add_flag("--json", flags->json, "as it does without this: each line is JSON");
  command.add_flag("--backward", flags->backward, "newest first");
  command.add_flag("--raw", flags->raw, "only the data of each event");
  program.on_run(command, [flags, &program] { return read(program.settings(), *flags); });
}

}  // namespace strandline::tools
