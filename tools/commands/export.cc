// `strandline export`: streams, whole, as import would take them back.
#include <fmt/format.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <filesystem>
#include <iostream>
#include <memory>
#include <thread>

#include "engine/base/mutation.h"
#include "server/wire/cloudevents.h"
#include "tools/base/clip.h"
#include "tools/base/flags.h"
#include "tools/base/place.h"
#include "tools/base/program.h"
#include "tools/base/progress.h"
#include "tools/connection/log_handle.h"
#include "tools/connection/reading_flags.h"
#include "tools/resuming/export_parts.h"
#include "tools/resuming/resume.h"

namespace strandline::tools {
namespace {

constexpr char kExportExample[] =
    "  strandline export --all -o events.ndjson    # interrupted, it goes on where it was\n"
    "  strandline export orders --full | jq .stored\n"
    "  strandline export --prefix shop/ --form csv --compress zstd --split 1GB -o shop\n"
    "  strandline export dpkg --lines";

constexpr std::chrono::seconds kExportPatience{60};

struct ExportFlags {
  std::vector<std::string> streams;
  bool all = false;
  std::string prefix;
  // Not `earliest`: from the very first position, what is gone is said.
  std::string from = "0";
  std::string to;  // empty: the tail
  std::vector<std::string> types;
  std::vector<std::string> subjects;
  std::string file = "-";
  bool overwrite = false;
  bool full = false;
  bool lines = false;
  bool exact = false;
  std::string form;
  std::vector<std::string> columns;
  Compression compression = Compression::none;
  std::optional<uint64_t> split_bytes;
  uint64_t rate = 0;
  bool json = false;

  ExportShape shape() const {
    return {.name = !form.empty() ? form
                    : full        ? "full"
                    : exact       ? "exact"
                    : lines       ? "lines"
                                  : "bare",
            .columns = columns};
  }
};

// Where an export ends, beside the tail: nothing at or past it is written.
struct ExportEnd {
  std::optional<uint64_t> position;
  std::optional<Timestamp> moment;
};

using JsonWriter = rapidjson::Writer<rapidjson::StringBuffer>;

void write(JsonWriter& writer, const char* name, const std::string& text) {
  writer.Key(name);
  writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

// What an export is, so that an interrupted one is not gone on with as another: of which log, which
// streams (of each also when it was created, for a name may come again), what of them, in which
// form. As a JSON object.
std::string what_of(const ExportFlags& flags, const Settings::Target& log,
                    const std::vector<StreamInfo>& streams) {
  rapidjson::StringBuffer text;
  JsonWriter writer(text);
  writer.StartObject();
  std::error_code error;
  if (log.data.empty()) {
    write(writer, "server", log.server);
  } else {
    write(writer, "data", std::filesystem::weakly_canonical(log.data, error).string());
  }
  writer.Key("streams");
  const bool several = flags.all || !flags.prefix.empty();
  if (flags.all) writer.String("$all");
  if (!several) writer.StartArray();
  for (const StreamInfo& stream : streams) {
    writer.StartObject();
    write(writer, "name", stream.name);
    write(writer, "created", render_time(stream.created));
    writer.EndObject();
  }
  if (!several) writer.EndArray();
  if (!flags.prefix.empty()) {
    writer.Null();
    write(writer, "prefix", flags.prefix);
  }
  write(writer, "from", flags.from);
  if (!flags.to.empty()) write(writer, "to", flags.to);
  const auto texts = [&](const char* name, const std::vector<std::string>& all) {
    writer.Key(name);
    writer.StartArray();
    for (const std::string& text : all) {
      writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
    }
    writer.EndArray();
  };
  texts("types", flags.types);
  texts("subjects", flags.subjects);
  write(writer, "form", flags.shape().name);
  if (!flags.columns.empty()) texts("columns", flags.columns);
  if (flags.compression != Compression::none) {
    write(writer, "compression", name_of(flags.compression));
  }
  writer.EndObject();
  return {text.GetString(), text.GetSize()};
}

// Holds an export to a rate, so that it leaves the disk to others.
class Pace {
 public:
  explicit Pace(uint64_t bytes_per_second) : rate_(bytes_per_second) {}
  void reached(uint64_t bytes) const {
    if (rate_ == 0) return;
    const std::chrono::duration<double> due(static_cast<double>(bytes) /
                                            static_cast<double>(rate_));
    std::this_thread::sleep_until(
        begun_ + std::chrono::duration_cast<std::chrono::steady_clock::duration>(due));
  }

 private:
  const uint64_t rate_;
  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

class Export {
 public:
  Export(LogHandle& log, const ExportFlags& flags, const From& from, ExportEnd end,
         std::unique_ptr<ExportForm> form, ExportParts parts)
      : log_(log),
        flags_(flags),
        from_(from),
        end_(end),
        form_(std::move(form)),
        parts_(std::move(parts)),
        pace_(flags.rate) {}

  int run() {
    std::vector<Selection> selections;
    if (flags_.all) selections.push_back(Selection::all());
    if (!flags_.prefix.empty()) selections.push_back(Selection::prefix(flags_.prefix));
    for (const std::string& name : flags_.streams) selections.push_back(Selection::stream(name));
    if (parts_.resumed()) {
      std::cerr << fmt::format("strandline: {}: going on after {} bytes\n", flags_.file,
                               parts_.bytes());
    }
    place_ = parts_.begin();
    for (size_t i = place_.stream; i < selections.size(); ++i) {
      ReadRequest request{.select = selections[i],
                          .from = from_,
                          .types = flags_.types,
                          .subjects = flags_.subjects};
      if (i == parts_.begin().stream && parts_.begin().next) {
        request.from = From::position(*parts_.begin().next);
      }
      if (auto done = copy(request, i); !done) {
        parts_.give_up();
        return failed(flags_.file == "-" ? done.error().message
                                         : done.error().message + "; run it again to go on");
      }
    }
    if (auto finished = parts_.finish(place_); !finished) return failed(finished.error());
    if (flags_.file != "-") {
      std::cout << (flags_.json ? fmt::format("{{\"events\":{}}}\n", events_)
                                : fmt::format("exported {} events\n", events_));
    }
    return damaged_ ? failed("events are damaged; `strandline verify` finds out more") : kDone;
  }

 private:
  Status copy(const ReadRequest& request, size_t index) {
    auto first = log_.read(request);
    if (!first) return std::unexpected(first.error());
    ResumingReader reader(log_, request, std::move(*first), kExportPatience);
    const bool by_offset = request.select.kind == Selection::Kind::stream;
    while (true) {
      auto delivery = reader.next(kExportPatience);
      if (!delivery) return std::unexpected(delivery.error());
      if (!*delivery) break;
      place_ = {index, reader.position()};
      if (mutated(Mutation::position_before_delivery)) {
        if (auto kept = parts_.reached(place_, 0); !kept) return kept;
      }
      if (end_.position) clip(**delivery, *end_.position, by_offset);
      uint64_t count = 0;
      if (const auto* events = std::get_if<Events>(&**delivery)) {
        if (end_.moment && events->stored() >= *end_.moment) break;
        form_->events(parts_.buffer(), *events);
        count = events->count();
        events_ += count;
        progress_.update(events_, events_);
      } else if (auto* gap = std::get_if<Gap>(&**delivery)) {
        // Of one stream it need not name it, but import takes no line that names none.
        if (by_offset) gap->stream = request.select.names[0];
        form_->gap(parts_.buffer(), *gap);
        damaged_ = damaged_ || gap->reason == GapReason::damaged;
      }
      if (end_.position && place_.next && *place_.next >= *end_.position) {
        place_.next = *end_.position;
        return parts_.reached(place_, count);
      }
      if (mutated(Mutation::position_before_delivery)) continue;
      if (auto kept = parts_.reached(place_, count); !kept) return kept;
      pace_.reached(parts_.bytes());
    }
    return {};
  }

  LogHandle& log_;
  const ExportFlags& flags_;
  const From from_;
  const ExportEnd end_;
  const std::unique_ptr<ExportForm> form_;
  ExportParts parts_;
  const Pace pace_;
  Progress progress_{"export", std::nullopt};
  ExportPlace place_;
  uint64_t events_ = 0;
  bool damaged_ = false;
};

Result<ExportEnd> parse_end(const std::string& text) {
  ExportEnd end;
  if (text.empty()) return end;
  auto parsed = parse_from(text);
  if (!parsed) return std::unexpected(parsed.error());
  if (parsed->kind == From::Kind::position) {
    end.position = parsed->number;
  } else if (parsed->kind == From::Kind::time) {
    end.moment = parsed->moment;
  } else if (parsed->kind != From::Kind::latest) {
    return fail(Code::invalid, "--to takes an offset or a sequence, a time, or latest");
  }
  return end;
}

int run_export(const Settings& settings, const ExportFlags& flags) {
  const int ways =
      (flags.all ? 1 : 0) + (flags.streams.empty() ? 0 : 1) + (flags.prefix.empty() ? 0 : 1);
  if (ways != 1) {
    return misused("name what to export: a stream (or several), --all, or --prefix");
  }
  if (flags.split_bytes && flags.file == "-") {
    return misused("--split needs a directory for the parts: -o DIR");
  }
  if (!flags.columns.empty() && flags.form != "csv") {
    return misused("--columns is of --form csv");
  }
  auto form = ExportForm::of(flags.shape());
  if (!form) return misused(form.error().message);
  const auto end = parse_end(flags.to);
  if (!end) return misused(end.error().message);
  for (const std::string& name : flags.streams) {
    if (is_own_stream(name)) continue;
    if (auto named = check_name(name, Limits()); !named) return misused(named.error().message);
  }
  auto from = parse_from(flags.from);
  if (!from) return misused(from.error().message);
  auto log = connect(settings, Purpose::read);
  if (!log) return not_connected(log.error());
  // Before a file is touched: are they all there?
  std::vector<StreamInfo> streams;
  for (const std::string& name : flags.streams) {
    auto stream = (*log)->describe(name);
    if (!stream) return failed(stream.error());
    streams.push_back(std::move(*stream));
  }
  auto parts = ExportParts::open({.path = flags.file,
                                  .what = what_of(flags, *settings.target(), streams),
                                  .split_bytes = flags.split_bytes,
                                  .compression = flags.compression,
                                  .overwrite = flags.overwrite},
                                 **form);
  if (!parts) return failed(parts.error());
  return Export(**log, flags, *from, *end, std::move(*form), std::move(*parts)).run();
}

}  // namespace

void add_export(Program& program) {
  auto flags = std::make_shared<ExportFlags>();
  CLI::App& command = program.add(
      "export", "Write events as import takes them, up to the tail as it stood at the beginning",
      kExportExample);
  program.add_target_flags(command);
  command.add_option("stream", flags->streams, "a stream, or several, one after the other");
  command.add_flag("--all", flags->all, "every stream, in the log's order");
  command.add_option("--prefix", flags->prefix,
                     "the streams whose names begin so, in the log's order");
  command.add_option(
      "-o,--output", flags->file,
      "a file; FILE.position beside it makes the export resumable [standard output]");
  command.add_flag("--overwrite", flags->overwrite, "replace the file, and begin again");
  command.add_option("--from", flags->from, kFromWhat + std::string(" [0]"));
  command.add_option(
      "--to", flags->to,
      "an offset (of --all or --prefix: a sequence) or a time, which is not exported "
      "any more [the tail as it is]");
  command.add_flag("--json", flags->json, "of a file: print the outcome as JSON");
  command.add_option("--type", flags->types, kTypeHelp);
  command.add_option("--subject", flags->subjects, kSubjectHelp);
  auto* full = command.add_flag("--full", flags->full,
                                "with offset, sequence and stored-at; gaps as events of type "
                                "strandline.gap");
  auto* lines =
      command.add_flag("--lines", flags->lines, "only the data of each event")->excludes(full);
  auto* exact = command.add_flag("--exact", flags->exact,
                                 "with offset, sequence and stored-at, and of each event what was "
                                 "appended and nothing else; gaps as with --full");
  exact->excludes(full)->excludes(lines);
  command
      .add_option("--form", flags->form,
                  "bare, full, exact, lines, cloudevents (a JSON array of events a line), csv (RFC "
                  "4180), or frames (the log's own batches) [bare]")
      ->excludes(full)
      ->excludes(lines)
      ->excludes(exact);
  command.add_option("--columns", flags->columns, "of csv, with commas between [all]")
      ->delimiter(',')
      ->allow_extra_args(false);
  command
      .add_option_function<std::string>(
          "--compress",
          [flags](const std::string& text) {
            if (!parse_compression(text, flags->compression)) {
              throw CLI::ValidationError("--compress", "there are zstd, gzip and none");
            }
          },
          "zstd, gzip or none [none]")
      ->type_name("HOW");
  add_size_flag(
      command, "--split", [flags](uint64_t bytes) { flags->split_bytes = bytes; },
      "into parts of about this size, in the directory that -o names, with a manifest.json that "
      "has the SHA-256 of each",
      {4 << 10});
  add_size_flag(command, "--rate", [flags](uint64_t bytes) { flags->rate = bytes; },
                "written a second at most, so that others have the disk; 0: no limit [0]", {});
  program.on_run(command, [flags, &program] { return run_export(program.settings(), *flags); });
}

}  // namespace strandline::tools
