// `strandline erase`: events, or their data, out of all that the log holds; and `erase ls`, what is
// not gone yet.
#include <fmt/format.h>
#include <rapidjson/document.h>

#include <iostream>
#include <memory>

#include "engine/api/rfc3339.h"
#include "server/http/query.h"
#include "tools/base/consent.h"
#include "tools/base/program.h"
#include "tools/base/table.h"
#include "tools/client/exchange.h"
#include "tools/connection/log_handle.h"

namespace strandline::tools {
namespace {

struct EraseFlags {
  std::vector<std::string> streams;
  std::string prefix;
  std::vector<std::string> offsets;
  std::vector<std::string> types, subjects;
  std::string stored_from, stored_before;
  std::string what;
  std::string reason;
  Consent consent;
  bool json = false;
};

Result<OffsetRange> parse_range(const std::string& text) {
  const size_t dots = text.find("..");
  const auto first = server::parse_number(text.substr(0, dots));
  const auto next = dots == std::string::npos
                        ? (first ? std::optional(*first + 1) : std::nullopt)
                        : server::parse_number(std::string_view(text).substr(dots + 2));
  if (!first || !next || *first >= *next) {
    return fail(Code::invalid,
                fmt::format("--offset {}: it is an offset, such as 7, or a range without its end, "
                            "such as 7..12",
                            text));
  }
  return OffsetRange{Offset(*first), Offset(*next)};
}

Result<EraseRequest> request_of(const EraseFlags& flags) {
  EraseRequest request{.data_only = flags.what == "data", .reason = flags.reason};
  // (CLI11 would want it of `erase ls` as well.)
  if (flags.what.empty()) return fail(Code::invalid, "--what is required: events, or data");
  if (flags.streams.empty() == flags.prefix.empty()) {
    return fail(Code::invalid, "it takes streams, or --prefix, and not both");
  }
  if (!flags.prefix.empty()) {
    request.select = Selection::prefix(flags.prefix);
  } else {
    request.select = flags.streams.size() == 1 ? Selection::stream(flags.streams.front())
                                               : Selection::list(flags.streams);
  }
  for (const std::string& text : flags.offsets) {
    auto range = parse_range(text);
    if (!range) return std::unexpected(std::move(range.error()));
    request.offsets.push_back(*range);
  }
  request.filter = {.types = TextFilter(flags.types), .subjects = TextFilter(flags.subjects)};
  for (const auto& [text, time] : {std::pair(&flags.stored_from, &request.stored_from),
                                   std::pair(&flags.stored_before, &request.stored_before)}) {
    if (text->empty()) continue;
    auto parsed = parse_time(*text);
    if (!parsed) return std::unexpected(std::move(parsed.error()));
    *time = *parsed;
  }
  return request;
}

rapidjson::Document document_of(const std::string& json) {
  rapidjson::Document document;
  document.Parse(json.data(), json.size());
  if (document.HasParseError() || !document.IsObject()) document.SetObject();
  return document;
}

std::string streams_in(const rapidjson::Value& told) {
  std::string out;
  for (const rapidjson::Value& one : array_of(told, "streams")) {
    out += fmt::format("  {:>12}  {}\n", number_of(one, "events"), text_of(one, "stream"));
  }
  return out;
}

// What is about to be done, for whoever is asked.
std::string sentence_of(const rapidjson::Value& would, const EraseFlags& flags) {
  std::string streams;
  size_t count = 0;
  for (const rapidjson::Value& one : array_of(would, "streams")) {
    if (++count > 5) {
      streams += ", ...";
      break;
    }
    streams += fmt::format("{}\"{}\" ({})", streams.empty() ? "" : ", ", text_of(one, "stream"),
                           number_of(one, "events"));
  }
  return fmt::format("erases {}{} events for good: {}", flags.what == "data" ? "the data of " : "",
                     number_of(would, "events"), streams);
}

int print(const std::string& told, const EraseFlags& flags) {
  if (flags.json) {
    std::cout << told << (told.ends_with('\n') ? "" : "\n");
    return kDone;
  }
  const rapidjson::Document erased = document_of(told);
  const uint64_t events = number_of(erased, "events");
  if (events == 0) {
    std::cout << "there is nothing to erase\n";
    return kDone;
  }
  std::cout << fmt::format("erasure  {}\nevents   {}\ncopies   {}\n", number_of(erased, "erasure"),
                           events, number_of(erased, "copies"))
            << streams_in(erased);
  const std::string_view gone = text_of(erased, "gone");
  std::cout << (gone.empty() ? "bytes    not gone yet: `strandline erase ls` says what they wait "
                               "for\n"
                             : fmt::format("bytes    gone since {}\n", gone));
  return kDone;
}

int erase(LogHandle& log, const EraseFlags& flags) {
  auto request = request_of(flags);
  if (!request) return misused(request.error().message);
  request->dry_run = true;
  const auto counted = log.erase(*request, flags.types, flags.subjects);
  if (!counted) return failed(counted.error());
  const rapidjson::Document would = document_of(*counted);
  if (number_of(would, "events") == 0) return print(*counted, flags);
  if (const auto ended = flags.consent.ask(sentence_of(would, flags), flags.json)) return *ended;
  request->dry_run = false;
  const auto erased = log.erase(*request, flags.types, flags.subjects);
  return erased ? print(*erased, flags) : failed(erased.error());
}

int list(LogHandle& log, const EraseFlags& flags) {
  const auto told = log.erasures();
  if (!told) return failed(told.error());
  if (flags.json) {
    std::cout << *told << (told->ends_with('\n') ? "" : "\n");
    return kDone;
  }
  const rapidjson::Document erasures = document_of(*told);
  std::vector<Row> rows = {{"ERASURE", "BEGUN", "EVENTS", "WAITS FOR"}};
  for (const rapidjson::Value& one : array_of(erasures, "erasures")) {
    rows.push_back({std::to_string(number_of(one, "erasure")), std::string(text_of(one, "begun")),
                    std::to_string(number_of(one, "events")),
                    std::string(text_of(one, "waits_for"))});
  }
  std::cout << render_table(rows);
  return kDone;
}

}  // namespace

void add_erase(Program& program) {
  auto flags = std::make_shared<EraseFlags>();
  const auto on_run = [&](CLI::App& command, Purpose purpose,
                          int (*act)(LogHandle&, const EraseFlags&)) {
    program.add_target_flags(command);
    command.add_flag("--json", flags->json, "as the API has it");
    program.on_run(command, [flags, &program, purpose, act] {
      auto log = connect(program.settings(), flags->consent.is_dry_run() ? Purpose::read : purpose);
      return log ? act(**log, *flags) : not_connected(log.error());
    });
  };
  CLI::App& command = program.add(
      "erase", "Erase events, or their data, for good",
      "  strandline erase orders --offset 17 --what data --reason 'ticket 4711' --dry-run\n"
      "  strandline erase --prefix customer/ --subject customer-42 --what events --yes");
  command.add_option("stream", flags->streams, "streams by name");
  command.add_option("--prefix", flags->prefix, "all streams whose names begin so");
  command
      .add_option("--offset", flags->offsets,
                  "of one stream: an offset, or a range without its end (7..12); may be given "
                  "several times")
      ->type_name("N|N..M")
      ->allow_extra_args(false);
  command.add_option("--type", flags->types, "only of this type, or `order.*`")
      ->allow_extra_args(false);
  command.add_option("--subject", flags->subjects, "only of this subject, or `customer-4*`")
      ->allow_extra_args(false);
  command.add_option("--stored-from", flags->stored_from, "only what was stored then, or later")
      ->type_name("TIME");
  command.add_option("--stored-before", flags->stored_before, "only what was stored before")
      ->type_name("TIME");
  command
      .add_option("--what", flags->what,
                  "`events`: all of them; `data`: their data, and the envelopes stay (needed)")
      ->check(CLI::IsMember({"events", "data"}));
  command.add_option("--reason", flags->reason, "why, for the receipt in $admin");
  flags->consent.add_to(command);
  on_run(command, Purpose::write, erase);
  on_run(program.add(command, "ls", "List erasures whose bytes are not gone yet",
                     "  strandline erase ls"),
         Purpose::read, list);
}

}  // namespace strandline::tools
