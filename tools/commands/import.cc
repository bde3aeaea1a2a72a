// `strandline import`: a file's lines, each applied once, however often it is run.
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <thread>

#include "engine/api/event_rules.h"
#include "server/wire/cloudevents.h"
#include "tools/base/digest.h"
#include "tools/base/flags.h"
#include "tools/base/lines.h"
#include "tools/base/program.h"
#include "tools/base/progress.h"
#include "tools/resuming/imported.h"
#include "tools/resuming/ledger.h"
#include "tools/resuming/line_events.h"

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
  bool events = false;
  bool text = false;
  bool json = false;
};

class Import {
 public:
  Import(const Settings& settings, const ImportFlags& flags, Lines input)
      : flags_(flags),
        input_(std::move(input)),
        events_(flags.events ? LineForm::ndjson
                : flags.text ? LineForm::plain
                             : LineForm::detect,
                flags.type,
                flags.stream.empty() ? std::nullopt : std::optional<std::string>(flags.stream)),
        batch_lines_(flags.rate == 0 ? kBatchLines
                                     : std::clamp<uint64_t>(flags.rate / 10, 1, kBatchLines)),
        settings_(settings) {}

  int run() {
    if (auto decided = events_.decide(input_); !decided) {
      return misused(fmt::format("{}: {}", input_.name(), decided.error().message));
    }
    auto line = input_.next();
    if (!line) return failed(line.error());
    if (!*line && flags_.name.empty()) return report();
    if (events_.form() == LineForm::plain && flags_.stream.empty()) {
      return misused(
          fmt::format("{}:1 is no event in JSON, and plain lines need --stream", input_.name()));
    }
    // What can be found wrong before is no reason to make a log.
    auto log = connect(settings_, Purpose::create);
    if (!log) return not_connected(log.error());
    log_ = std::move(*log);
    auto ledger = find(line->value_or(std::string_view()));
    if (!ledger) return failed(ledger.error());
    if (auto same = take_up(*ledger); !same) return failed(same.error());
    if (!ledger->note.empty()) std::cerr << "strandline: " << ledger->note << '\n';
    skipped_ = ledger->done.lines;
    read_ = ledger->done;  // what the input is, whatever was read of it
    ledger_.emplace(*log_, ledger->name, std::move(ledger->done),
                    std::chrono::seconds(flags_.retry_s));
    begun_ = steady_clock::now();
    if (auto passed = pass_over(*line); !passed) return failed(passed.error());

    Progress progress("import", input_.size());
    while (*line) {
      if (auto added = events_.add(**line); !added) return refuse(added.error());
      took_line();
      if (auto applied = apply_if_due(); !applied) return stop(applied.error());
      progress.update(input_.bytes(), events_done_);
      line = input_.next();
      if (!line) return stop(line.error());
    }
    if (auto applied = apply(); !applied) return stop(applied.error());
    if (auto settled = ledger_->settle(); !settled) return stop(settled.error());
    return report();
  }

 private:
  bool remembers() const { return input_.size() || !flags_.name.empty(); }

  Result<Ledgers> find(std::string_view first_line) {
    if (!remembers()) return Ledgers();
    if (flags_.name.empty()) {
      return find_ledger_of(*log_, flags_.file, flags_.stream, first_line);
    }
    Ledgers named{.name = "import/" + flags_.name};
    auto done = find_ledger(*log_, named.name);
    if (!done) return std::unexpected(done.error());
    named.done = std::move(*done);
    return named;
  }

  // Lines that were imported are there as what they became then, and where: a ledger is gone on
  // with as the same import alone.
  Status take_up(Ledgers& ledger) const {
    const std::string form = events_.form() == LineForm::plain ? "text" : "events";
    const Imported& done = ledger.done;
    if (done.bytes > 0 && (done.form != form || done.stream != flags_.stream)) {
      const auto described = [](const std::string& what, const std::string& stream) {
        return fmt::format("as {} {}", what,
                           stream.empty() ? "into the streams that the lines name"
                                          : fmt::format("into the stream \"{}\"", stream));
      };
      return fail(Code::conflict,
                  fmt::format("the ledger \"{}\" remembers {} lines that were imported {}, and "
                              "these are to be imported {}: nothing is imported. --name with "
                              "another name imports them whole, with a ledger of that name",
                              ledger.name, done.lines, described(done.form, done.stream),
                              described(form, flags_.stream)));
    }
    if (done.bytes > 0 && !flags_.stream.empty()) {
      const auto there = log_->describe(flags_.stream);
      if (!there && there.error().code == Code::not_found) {
        return fail(Code::conflict,
                    fmt::format("the ledger \"{}\" remembers {} lines that were imported into the "
                                "stream \"{}\", which is not there any more: nothing is imported. "
                                "`strandline consumers rm {}` forgets them, so that all of it is "
                                "imported again",
                                ledger.name, done.lines, flags_.stream, ledger.name));
      }
      if (!there) return std::unexpected(there.error());
    }
    ledger.done.form = form;
    ledger.done.stream = flags_.stream;
    return {};
  }

  // From the first line to the first that is to be imported. What earlier runs imported must be
  // there byte for byte.
  Status pass_over(std::optional<std::string_view>& line) {
    const Imported done = read_;
    read_.bytes = read_.lines = 0;
    read_.open = false;
    while (line && input_.bytes() < done.bytes) {
      took_line();
      auto next = input_.next();
      if (!next) return std::unexpected(next.error());
      line = *next;
    }
    if (done.bytes == 0) return {};
    // The last line that was imported ends where another one goes on, or is not there whole.
    if (!line || input_.bytes() < done.bytes) return changed(done);
    const std::string_view before = input_.raw().substr(0, done.bytes - read_.bytes);
    Digest digest = digest_;
    digest.update(before);
    if (digest.hex() != done.sha256) return changed(done);
    const std::string_view rest = input_.raw().substr(before.size());
    const bool blank = rest.find_first_not_of(" \t\r\n") == std::string_view::npos;
    if (rest.empty() || rest == "\n" || rest == "\r\n" ||
        (blank && events_.form() == LineForm::ndjson)) {
      took_line();
      auto next = input_.next();
      if (!next) return std::unexpected(next.error());
      line = *next;
      return {};
    }
    --skipped_;
    std::cerr << fmt::format(
        "strandline: {}:{}: this line was imported before it was complete, without its last {} "
        "bytes; the whole line is imported now, as an event of its own\n",
        input_.name(), input_.count(), rest.size() - (rest.ends_with('\n') ? 1 : 0));
    return {};
  }

  Status changed(const Imported& done) const {
    return fail(Code::conflict,
                fmt::format("{} does not begin with the {} lines that were imported before under "
                            "this name: it is another input, or was changed, and nothing of it is "
                            "imported; --name NAME imports it whole, with another ledger",
                            input_.name(), done.lines));
  }

  // The line that was read last belongs to what is, or will be, imported.
  void took_line() {
    digest_.update(input_.raw());
    read_.bytes = input_.bytes();
    read_.lines = input_.count();
    read_.open = !input_.raw().ends_with('\n');
  }

  Status apply_if_due() {
    const uint64_t gathered = read_.lines - std::max(ledger_->sent().lines, skipped_);
    if (gathered < batch_lines_ && events_.bytes() < kImportBatchBytes && input_.ready()) return {};
    if (auto applied = apply(); !applied) return applied;
    // Before a wait, for input or for the pace, nothing is left in doubt.
    if (flags_.rate == 0 && input_.ready()) return {};
    if (auto settled = ledger_->settle(); !settled) return settled;
    if (flags_.rate > 0) {
      const double seconds =
          static_cast<double>(read_.lines - skipped_) / static_cast<double>(flags_.rate);
      std::this_thread::sleep_until(begun_ + std::chrono::duration_cast<steady_clock::duration>(
                                                 std::chrono::duration<double>(seconds)));
    }
    return {};
  }

  // What has gathered.
  Status apply() {
    if (events_.count() == 0) return {};
    events_done_ += events_.count();
    auto parts = events_.take();
    if (!parts) return std::unexpected(parts.error());
    read_.sha256 = digest_.hex();
    return ledger_->apply(std::move(*parts), read_);
  }

  // A line that is no event: everything before it is applied.
  int refuse(const Error& error) {
    Status before = apply();
    if (before) before = ledger_->settle();
    if (!before) return stop(before.error());
    return failed(fmt::format("{}:{}: {}; the lines before it are imported", input_.name(),
                              input_.count(), error.message));
  }

  int stop(const Error& error) {
    std::string message = fmt::format("{}; {} lines are imported", error.message,
                                      std::max(ledger_->applied().lines, skipped_));
    if (ledger_->outcome_unknown()) {
      message += fmt::format(", and perhaps more, up to line {}", ledger_->sent().lines);
    }
    if (remembers()) message += "; run it again to go on";
    return failed(Error{.code = error.code, .message = std::move(message)});
  }

  int report() {
    if (events_.left_out() > 0) {
      std::cerr << fmt::format(
          "strandline: {} events of $admin are left out: they say what was done to another log\n",
          events_.left_out());
    }
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
  const Settings& settings_;
  std::unique_ptr<LogHandle> log_;
  std::optional<Ledger> ledger_;
  Imported read_;             // of the input, and will be imported
  Digest digest_;             // of its bytes
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
  return Import(settings, flags, std::move(*input)).run();
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
  auto* events =
      command.add_flag("--events", flags->events,
                       "each line is an event in JSON (NDJSON); by default, if the first is one");
  command.add_flag("--text", flags->text, "each line is text, whatever it looks like")
      ->excludes(events);
  command.add_option(
      "--name", flags->name,
      "of the ledger that remembers, in the log, how far the import came and a digest of what was "
      "imported. By default that of a file of the same name that begins with the same bytes. "
      "Standard input and pipes have none unless it is named");
  add_number(command, "--rate", flags->rate, "at most this many lines a second; 0: no limit [0]");
  add_duration<std::chrono::seconds>(command, "--retry-for", flags->retry_s,
                                     "how long to wait for a server that went away [60s]", {});
  command.add_flag("--json", flags->json, "print the outcome as JSON");
  program.on_run(command, [flags, &program] { return import(program.settings(), *flags); });
}

}  // namespace strandline::tools
