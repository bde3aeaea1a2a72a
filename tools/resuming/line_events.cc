#include "tools/resuming/line_events.h"

#include "engine/api/event_rules.h"
#include "server/wire/cloudevents.h"

namespace strandline::tools {
namespace {

constexpr char kTextType[] = "text/plain";

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

Status LineEvents::decide(Lines& input) {
  if (form_ != LineForm::detect) return {};
  const auto beginning = input.beginning();
  if (!beginning) return std::unexpected(beginning.error());
  const auto form = detect_form(*beginning);
  if (!form) return std::unexpected(form.error());
  form_ = *form;
  guessed_ = true;
  return {};
}

Status LineEvents::add(std::string_view line) {
  if (form_ == LineForm::plain) {
    if (auto plain = guessed_ ? expect_plain(line) : Status(); !plain) return plain;
    NewEvent event{.type = type_, .form = DataForm::binary, .data = line};
    if (is_utf8(line)) {
      event.form = DataForm::text;
      event.datacontenttype = kTextType;
    }
    return add_event({}, event);
  }
  if (is_blank(line)) return {};
  const auto parsed = server::parse_event(
      line,
      [this](std::string_view stream, const NewEvent& event) { return add_event(stream, event); });
  if (!parsed) return std::unexpected(parsed.error().error);
  return {};
}

Status LineEvents::add_event(std::string_view stream, const NewEvent& event) {
  if (!stream_ && stream == kAdminStream) {
    ++left_out_;
    return {};
  }
  if (stream_ && !stream.empty() && stream != *stream_ && event.source.empty()) {
    // An event that was exported keeps the source that its readers saw, in whatever stream.
    NewEvent sourced = event;
    const std::string source = server::derived_source(stream);
    sourced.source = source;
    return add_to(*stream_, sourced);
  }
  return add_to(stream_ ? *stream_ : stream, event);
}

Status LineEvents::add_to(std::string_view stream, const NewEvent& event) {
  if (stream.empty()) {
    return fail(Code::invalid, "no stream: neither a \"stream\" member nor --stream names one");
  }
  if (stream != run_) {
    if (auto named = check_name(stream, Limits()); !named) return named;
    if (auto finished = finish_run(); !finished) return finished;
    run_ = stream;
  }
  if (auto added = builder_.add(event); !added) return added;
  ++count_;
  return {};
}

Status LineEvents::finish_run() {
  if (builder_.count() == 0) return {};
  auto batch = builder_.finish();
  if (!batch) return std::unexpected(batch.error());
  finished_bytes_ += batch->bytes().size();
  parts_.push_back({.stream = run_, .batch = std::move(*batch)});
  return {};
}

Result<std::vector<AppendMany::Part>> LineEvents::take() {
  if (auto finished = finish_run(); !finished) return std::unexpected(finished.error());
  count_ = 0;
  finished_bytes_ = 0;
  return std::exchange(parts_, {});
}

}  // namespace strandline::tools
