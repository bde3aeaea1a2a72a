// `strandline import`: a file's lines, each applied once, however often it is run.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <thread>

#include "engine/event_rules.h"
#include "server/cloudevents.h"
#include "tools/ledger.h"
#include "tools/line_events.h"
#include "tools/lines.h"
#include "tools/program.h"
#include "tools/progress.h"

namespace strandline::tools {
namespace {

using std::chrono::steady_clock;

constexpr char kImportExample[] =
    "  strandline import events.ndjson\n"
    "  strandline import /var/log/dpkg.log --stream dpkg     # again, later: only what is new\n"
    "  zstd -dc events.ndjson.zst | strandline import - --name events";

// One atomic append: large enough to share an fsync, small enough to send again.
constexpr size_t kBatchLines = 1'000;
constexpr size_t kImportBatchBytes = 1 << 20;

struct ImportFlags {
  std::string file;
  std::string stream;
  std::string type = "line";
  std::string name;
  uint64_t rate = 0;
  uint64_t retry_s = 60;
  bool ndjson = false;
  bool lines = false;
  bool json = false;
};

// FNV-1a: tells files apart, no more.
uint64_t hash_of(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return hash;
}

// Names the ledger. A log file that was rotated begins with another line, and so has another one.
std::string label_of(const ImportFlags& flags, std::string_view first_line) {
  if (!flags.name.empty()) return flags.name;
  std::string base = std::filesystem::path(flags.file).filename().string();
  if (!is_plain_text(base)) base = "file";
  if (base.size() > 200) base = "file";  // a consumer's name has a limit
  return fmt::format("{}-{:016x}", base, hash_of(std::string(first_line) + '\n' + flags.stream));
}

class Import {
 public:
  Import(Connection& connection, const ImportFlags& flags, Lines input)
      : flags_(flags),
        input_(std::move(input)),
        events_(flags.ndjson  ? LineForm::ndjson
                : flags.lines ? LineForm::plain
                              : LineForm::detect,
                flags.type,
                flags.stream.empty() ? std::nullopt : std::optional<std::string>(flags.stream)),
        batch_lines_(flags.rate == 0 ? kBatchLines
                                     : std::clamp<uint64_t>(flags.rate / 10, 1, kBatchLines)),
        connection_(connection) {}

  int run() {
    auto first = input_.next();
    if (!first) return failed(first.error());
    if (!*first) return report();
    if (events_.decide(**first) == LineForm::plain && flags_.stream.empty()) {
      return misused(
          fmt::format("{}:1 is no event in JSON, and plain lines need --stream", input_.name()));
    }
    const bool remembers = flags_.file != "-" || !flags_.name.empty();
    ledger_.emplace(connection_, remembers ? "import/" + label_of(flags_, **first) : "",
                    std::chrono::seconds(flags_.retry_s));
    const auto done_before = ledger_->open();
    if (!done_before) return failed(done_before.error());
    skipped_ = *done_before;
    begun_ = steady_clock::now();

    Progress progress("import", input_.size());
    auto line = std::move(first);
    while (*line) {
      if (input_.count() > skipped_) {
        if (auto added = events_.add(**line); !added) return refuse(added.error());
        if (auto applied = apply_if_due(); !applied) return stop(applied.error());
        progress.update(input_.bytes(), events_done_);
      }
      line = input_.next();
      if (!line) return stop(line.error());
    }
    if (input_.count() < skipped_) {
      return failed(
          fmt::format("{} has {} lines, but {} were imported before: it is another file by "
                      "now; --name gives it another ledger",
                      input_.name(), input_.count(), skipped_));
    }
    if (auto applied = apply(input_.count()); !applied) return stop(applied.error());
    if (auto settled = ledger_->settle(); !settled) return stop(settled.error());
    return report();
  }

 private:
  Status apply_if_due() {
    const uint64_t gathered = input_.count() - std::max(ledger_->sent(), skipped_);
    if (gathered < batch_lines_ && events_.bytes() < kImportBatchBytes && input_.ready()) return {};
    if (auto applied = apply(input_.count()); !applied) return applied;
    // Before a wait, for input or for the pace, nothing is left in doubt.
    if (flags_.rate == 0 && input_.ready()) return {};
    if (auto settled = ledger_->settle(); !settled) return settled;
    if (flags_.rate > 0) {
      const double seconds =
          static_cast<double>(input_.count() - skipped_) / static_cast<double>(flags_.rate);
      std::this_thread::sleep_until(begun_ + std::chrono::duration_cast<steady_clock::duration>(
                                                 std::chrono::duration<double>(seconds)));
    }
    return {};
  }

  // What has gathered, which ends the first `lines` lines.
  Status apply(uint64_t lines) {
    if (events_.count() == 0) return {};
    events_done_ += events_.count();
    auto parts = events_.take();
    if (!parts) return std::unexpected(parts.error());
    return ledger_->apply(std::move(*parts), lines);
  }

  // A line that is no event: everything before it is applied.
  int refuse(const Error& error) {
    Status before = apply(input_.count() - 1);
    if (before) before = ledger_->settle();
    if (!before) return stop(before.error());
    return failed(fmt::format("{}:{}: {}; the lines before it are imported", input_.name(),
                              input_.count(), error.message));
  }

  int stop(const Error& error) {
    std::string message = fmt::format("{}; {} lines are imported", error.message,
                                      std::max(ledger_->applied(), skipped_));
    if (ledger_->outcome_unknown()) {
      message += fmt::format(", and perhaps more, up to line {}", ledger_->sent());
    }
    if (flags_.file != "-" || !flags_.name.empty()) message += "; run it again to go on";
    return failed(message);
  }

  int report() {
    if (flags_.json) {
      std::cout << fmt::format("{{\"lines\":{},\"events\":{},\"skipped\":{}}}\n", input_.count(),
                               events_done_, skipped_);
    } else if (skipped_ > 0 && events_done_ == 0) {
      std::cout << fmt::format(
          "nothing new: {} lines were imported before; --name gives {} another "
          "ledger\n",
          skipped_, input_.name());
    } else {
      const double seconds = std::chrono::duration<double>(steady_clock::now() - begun_).count();
      std::cout << fmt::format("imported {} events of {} lines in {:.1f} s", events_done_,
                               input_.count() - skipped_, seconds)
                << (skipped_ > 0 ? fmt::format(", after {} that were there\n", skipped_) : "\n");
    }
    return kDone;
  }

  const ImportFlags& flags_;
  Lines input_;
  LineEvents events_;
  const uint64_t batch_lines_;
  Connection& connection_;
  std::optional<Ledger> ledger_;
  uint64_t skipped_ = 0;      // lines that earlier runs imported
  uint64_t events_done_ = 0;  // by this run
  steady_clock::time_point begun_ = steady_clock::now();
};

int import(const Settings& settings, const ImportFlags& flags) {
  if (!flags.stream.empty()) {
    if (auto named = check_name(flags.stream, Limits()); !named) {
      return misused(named.error().message);
    }
  }
  auto input = Lines::open(flags.file);
  if (!input) return failed(input.error());
  auto connection = connect(settings, Purpose::write);
  if (!connection) return not_connected(connection.error());
  return Import(**connection, flags, std::move(*input)).run();
}

}  // namespace

void add_import(Program& program) {
  auto flags = std::make_shared<ImportFlags>();
  CLI::App& command =
      program.add("import", "Import NDJSON or plain lines, each line once however often it runs",
                  kImportExample);
  program.add_target_flags(command);
  command
      .add_option("file", flags->file,
                  "a file, or - for standard input; its last line counts even without a newline")
      ->required();
  command.add_option("--stream", flags->stream,
                     "the stream, whatever the lines say; plain lines need it");
  command.add_option("--type", flags->type, "of plain lines' events [line]");
  auto* ndjson = command.add_flag("--ndjson", flags->ndjson,
                                  "lines are events in JSON; by default, if the first line is one");
  command.add_flag("--lines", flags->lines, "lines are plain text")->excludes(ndjson);
  command.add_option(
      "--name", flags->name,
      "of the ledger that remembers, in the log, how far the import came; by default "
      "made of the file's name, its first line and the stream. Standard input has none "
      "unless it is named");
  command.add_option("--rate", flags->rate, "at most this many lines a second")->type_name("N");
  command.add_option("--retry-seconds", flags->retry_s,
                     "how long to wait for a server that went away [60]");
  command.add_flag("--json", flags->json, "print the outcome as JSON");
  program.on_run(command, [flags, &program] { return import(program.settings(), *flags); });
}

}  // namespace strandline::tools
