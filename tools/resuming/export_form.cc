#include "tools/resuming/export_form.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>

#include "engine/api/base64.h"
#include "engine/api/rfc3339.h"
#include "server/json/json_writer.h"
#include "server/wire/cloudevents.h"
#include "server/wire/form.h"
#include "tools/base/csv.h"
#include "tools/base/shape.h"

namespace strandline::tools {
namespace {

// A row of these in a line, so that a program can take one line at a time.
constexpr uint32_t kBatchEvents = 1'000;

// A gap goes to the file, or to standard error.
void tell_gap(std::string& out, bool in_file, const Gap& gap) {
  print_gap(out, in_file ? Shape::full : Shape::bare, gap);
}

class JsonLines : public ExportForm {
 public:
  JsonLines(server::Rendering rendering, bool gaps) : rendering_(rendering), gaps_(gaps) {}
  const char* suffix() const override { return ".ndjson"; }
  void events(std::string& out, const Events& events) override {
    for (const Event& event : events) {
      server::render_event(out, events.stream(), event, rendering_);
      out += '\n';
    }
  }
  void gap(std::string& out, const Gap& gap) override { tell_gap(out, gaps_, gap); }

 private:
  const server::Rendering rendering_;
  const bool gaps_;
};

class DataLines : public ExportForm {
 public:
  const char* suffix() const override { return ".txt"; }
  void events(std::string& out, const Events& events) override {
    for (const Event& event : events) out.append(event.data()).push_back('\n');
  }
  void gap(std::string& out, const Gap& gap) override { tell_gap(out, false, gap); }
};

class CloudEventBatches : public ExportForm {
 public:
  const char* suffix() const override { return ".json"; }
  void events(std::string& out, const Events& events) override {
    for (const Event& event : events) {
      out += open_ == 0 ? '[' : ',';
      server::render_event(out, events.stream(), event, {});
      if (++open_ == kBatchEvents) settle(out);
    }
  }
  void gap(std::string& out, const Gap& gap) override {
    settle(out);
    tell_gap(out, false, gap);
  }
  void settle(std::string& out) override {
    if (std::exchange(open_, 0) > 0) out += "]\n";
  }

 private:
  uint32_t open_ = 0;
};

class Frames : public ExportForm {
 public:
  const char* suffix() const override { return ".frames"; }
  void events(std::string& out, const Events& events) override {
    form_->events(out, events, 0, SIZE_MAX);
  }
  void gap(std::string& out, const Gap& gap) override { form_->gap(out, gap); }

 private:
  const std::unique_ptr<server::Form> form_ = server::frames_form();
};

// --- CSV.

using Cell = std::function<void(std::string&, std::string_view stream, const Event&)>;

std::string attributes_of(const Event& event) {
  std::string out;
  event.for_each_attribute([&](const Attribute& attribute) {
    out += out.empty() ? '{' : ',';
    server::render_string(out, attribute.name);
    out += ':';
    if (attribute.kind == AttributeKind::text) {
      server::render_string(out, attribute.text);
    } else {
      out += attribute.text;
    }
  });
  return out.empty() ? out : out + '}';
}

struct Column {
  const char* name;
  void (*print)(std::string& out, std::string_view stream, const Event& event);
};
// Text may hold anything; the rest needs no quotes.
constexpr std::array<Column, 14> kColumns = {{
    {"stream", [](auto& out, auto stream, const auto&) { append_csv_field(out, stream); }},
    {"offset",
     [](auto& out, auto, const auto& event) { out += std::to_string(event.offset.value); }},
    {"sequence",
     [](auto& out, auto, const auto& event) { out += std::to_string(event.sequence.value); }},
    {"stored", [](auto& out, auto, const auto& event) { out += render_time(event.stored); }},
    {"type", [](auto& out, auto, const auto& event) { append_csv_field(out, event.type()); }},
    {"id",
     [](auto& out, auto, const auto& event) {
       if (event.id().empty()) {
         out += std::to_string(event.offset.value);
       } else {
         append_csv_field(out, event.id());
       }
     }},
    {"source",
     [](auto& out, auto stream, const auto& event) {
       append_csv_field(out, event.source().empty() ? server::derived_source(stream)
                                                    : std::string(event.source()));
     }},
    {"time",
     [](auto& out, auto, const auto& event) {
       append_csv_field(
           out, event.time().empty() ? render_time(event.stored) : std::string(event.time()));
     }},
    {"subject", [](auto& out, auto, const auto& event) { append_csv_field(out, event.subject()); }},
    {"datacontenttype",
     [](auto& out, auto, const auto& event) { append_csv_field(out, event.datacontenttype()); }},
    {"dataschema",
     [](auto& out, auto, const auto& event) { append_csv_field(out, event.dataschema()); }},
    {"attributes",
     [](auto& out, auto, const auto& event) { append_csv_field(out, attributes_of(event)); }},
    {"data",
     [](auto& out, auto, const auto& event) {
       if (event.form() != DataForm::binary) append_csv_field(out, event.data());
     }},
    {"data_base64",
     [](auto& out, auto, const auto& event) {
       if (event.form() == DataForm::binary) render_base64(out, event.data());
     }},
}};

class Csv : public ExportForm {
 public:
  explicit Csv(std::vector<const Column*> columns) : columns_(std::move(columns)) {}
  const char* suffix() const override { return ".csv"; }
  void open(std::string& out) override {
    for (const Column* column : columns_) {
      if (column != columns_.front()) out += ',';
      out += column->name;
    }
    out += "\r\n";
  }
  void events(std::string& out, const Events& events) override {
    for (const Event& event : events) {
      for (const Column* column : columns_) {
        if (column != columns_.front()) out += ',';
        column->print(out, events.stream(), event);
      }
      out += "\r\n";
    }
  }
  void gap(std::string& out, const Gap& gap) override { tell_gap(out, false, gap); }

 private:
  const std::vector<const Column*> columns_;
};

Result<std::unique_ptr<ExportForm>> csv_of(const std::vector<std::string>& names) {
  std::vector<const Column*> columns;
  for (const std::string& name : names) {
    const auto found =
        std::ranges::find_if(kColumns, [&](const Column& one) { return name == one.name; });
    if (found == kColumns.end()) {
      std::string all;
      for (const Column& one : kColumns) all += std::string(all.empty() ? "" : ", ") + one.name;
      return fail(Code::invalid, fmt::format("no column \"{}\": there are {}", name, all));
    }
    columns.push_back(&*found);
  }
  return std::make_unique<Csv>(std::move(columns));
}

}  // namespace

std::vector<std::string> default_columns() {
  std::vector<std::string> names;
  for (const Column& column : kColumns) names.emplace_back(column.name);
  return names;
}

Result<std::unique_ptr<ExportForm>> ExportForm::of(const ExportShape& shape) {
  using server::Derived;
  const std::string& name = shape.name;
  if (name == "bare") {
    return std::make_unique<JsonLines>(
        server::Rendering{.positions = false, .derived = Derived::id_and_time}, false);
  }
  if (name == "full") return std::make_unique<JsonLines>(server::Rendering{}, true);
  if (name == "exact") {
    return std::make_unique<JsonLines>(
        server::Rendering{.positions = true, .derived = Derived::nothing}, true);
  }
  if (name == "lines") return std::make_unique<DataLines>();
  if (name == "cloudevents") return std::make_unique<CloudEventBatches>();
  if (name == "frames") return std::make_unique<Frames>();
  if (name == "csv") return csv_of(shape.columns.empty() ? default_columns() : shape.columns);
  return fail(Code::invalid,
              fmt::format("no form \"{}\": there are bare, full, exact, lines, cloudevents, csv "
                          "and frames",
                          name));
}

}  // namespace strandline::tools
