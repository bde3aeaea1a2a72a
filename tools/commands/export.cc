// `strandline export`: streams, whole, as import would take them back.
#include <fmt/format.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <filesystem>
#include <iostream>
#include <memory>

#include "engine/base/mutation.h"
#include "server/wire/cloudevents.h"
#include "tools/base/place.h"
#include "tools/base/program.h"
#include "tools/base/progress.h"
#include "tools/base/shape.h"
#include "tools/connection/log_handle.h"
#include "tools/connection/reading_flags.h"
#include "tools/resuming/export_file.h"
#include "tools/resuming/resume.h"

namespace strandline::tools {
namespace {

constexpr char kExportExample[] =
    "  strandline export --all -o events.ndjson    # interrupted, it goes on where it was\n"
    "  strandline export orders --full | jq .stored\n"
    "  strandline export dpkg --lines";

constexpr std::chrono::seconds kExportPatience{60};

struct ExportFlags {
  std::vector<std::string> streams;
  bool all = false;
  // Not `earliest`: from the very first position, what is gone is said.
  std::string from = "0";
  std::vector<std::string> types;
  std::vector<std::string> subjects;
  std::string file = "-";
  bool overwrite = false;
  bool full = false;
  bool lines = false;
  bool json = false;
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
  if (flags.all) writer.String("$all");
  if (!flags.all) writer.StartArray();
  for (const StreamInfo& stream : streams) {
    writer.StartObject();
    write(writer, "name", stream.name);
    write(writer, "created", render_time(stream.created));
    writer.EndObject();
  }
  if (!flags.all) writer.EndArray();
  write(writer, "from", flags.from);
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
  write(writer, "form", flags.full ? "full" : flags.lines ? "lines" : "bare");
  writer.EndObject();
  return {text.GetString(), text.GetSize()};
}

class Export {
 public:
  Export(LogHandle& log, const ExportFlags& flags, const From& from, ExportFile file)
      : log_(log), flags_(flags), from_(from), file_(std::move(file)) {}

  int run() {
    std::vector<Selection> selections;
    if (flags_.all) selections.push_back(Selection::all());
    for (const std::string& name : flags_.streams) selections.push_back(Selection::stream(name));
    if (file_.resumed()) {
      std::cerr << fmt::format("strandline: {}: going on after {} bytes\n", flags_.file,
                               file_.bytes());
    }
    for (size_t i = file_.begin().stream; i < selections.size(); ++i) {
      ReadRequest request{.select = selections[i],
                          .from = from_,
                          .types = flags_.types,
                          .subjects = flags_.subjects};
      if (i == file_.begin().stream && file_.begin().next) {
        request.from = From::position(*file_.begin().next);
      }
      if (auto done = copy(request, i); !done) {
        file_.give_up();
        return failed(flags_.file == "-" ? done.error().message
                                         : done.error().message + "; run it again to go on");
      }
    }
    if (auto finished = file_.finish(); !finished) return failed(finished.error());
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
    const Shape shape = flags_.full ? Shape::full : flags_.lines ? Shape::data : Shape::bare;
    while (true) {
      auto delivery = reader.next(kExportPatience);
      if (!delivery) return std::unexpected(delivery.error());
      if (!*delivery) break;
      if (mutated(Mutation::position_before_delivery)) {
        if (auto kept = file_.reached({index, reader.position()}); !kept) return kept;
      }
      if (const auto* events = std::get_if<Events>(&**delivery)) {
        for (const Event& event : *events) {
          print_event(file_.buffer(), shape, events->stream(), event);
        }
        events_ += events->count();
        progress_.update(events_, events_);
      } else if (auto* gap = std::get_if<Gap>(&**delivery)) {
        // Of one stream it need not name it, but import takes no line that names none.
        if (request.select.kind == Selection::Kind::stream) gap->stream = request.select.names[0];
        print_gap(file_.buffer(), shape, *gap);
        damaged_ = damaged_ || gap->reason == GapReason::damaged;
      }
      if (mutated(Mutation::position_before_delivery)) continue;
      if (auto kept = file_.reached({index, reader.position()}); !kept) return kept;
    }
    return {};
  }

  LogHandle& log_;
  const ExportFlags& flags_;
  const From from_;
  ExportFile file_;
  Progress progress_{"export", std::nullopt};
  uint64_t events_ = 0;
  bool damaged_ = false;
};

int run_export(const Settings& settings, const ExportFlags& flags) {
  if (flags.all == !flags.streams.empty()) {
    return misused("name what to export: a stream (or several), or --all");
  }
  for (const std::string& name : flags.streams) {
    if (name == kAdminStream) continue;
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
  auto file =
      ExportFile::open(flags.file, what_of(flags, *settings.target(), streams), flags.overwrite);
  if (!file) return failed(file.error());
  return Export(**log, flags, *from, std::move(*file)).run();
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
  command.add_option(
      "-o,--output", flags->file,
      "a file; FILE.position beside it makes the export resumable [standard output]");
  command.add_flag("--overwrite", flags->overwrite, "replace the file, and begin again");
  command.add_option("--from", flags->from, kFromWhat + std::string(" [0]"));
  command.add_flag("--json", flags->json, "of a file: print the outcome as JSON");
  command.add_option("--type", flags->types, kTypeHelp);
  command.add_option("--subject", flags->subjects, kSubjectHelp);
  auto* full = command.add_flag("--full", flags->full,
                                "with offset, sequence and stored-at; gaps as events of type "
                                "strandline.gap");
  command.add_flag("--lines", flags->lines, "only the data of each event")->excludes(full);
  program.on_run(command, [flags, &program] { return run_export(program.settings(), *flags); });
}

}  // namespace strandline::tools
