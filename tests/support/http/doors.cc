#include "tests/support/http/doors.h"

#include <fstream>

#include "engine/log.h"
#include "server/json/base64.h"
#include "server/json/json_writer.h"
#include "server/wire/cloudevents.h"
#include "tests/support/process/process.h"

namespace strandline::tests {
namespace {

const std::string kBatchType = "application/vnd.strandline.batch";

std::string literal(std::string_view text) {
  std::string out;
  server::render_string(out, text);
  return out;
}

// All but what a header may have as it is (CloudEvents' HTTP binding, section 3.1.3.2).
std::string header_value(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7F && c != '"' && c != '%') {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

// Built without a rule.
std::string flatbuffer_of(const NewEvent& event) {
  flatbuffers::FlatBufferBuilder builder;
  std::vector<flatbuffers::Offset<schema::Attribute>> attributes;
  const auto text = [&](std::string_view s) {
    return s.empty() ? 0 : builder.CreateString(s.data(), s.size());
  };
  for (const Attribute& attribute : event.attributes) {
    const auto name = builder.CreateString(attribute.name.data(), attribute.name.size());
    const auto value = builder.CreateString(attribute.text.data(), attribute.text.size());
    attributes.push_back(schema::CreateAttribute(builder, name, value, attribute.kind));
  }
  const auto items = attributes.empty() ? 0 : builder.CreateVector(attributes);
  const auto data = event.form == DataForm::none
                        ? 0
                        : builder.CreateVector(reinterpret_cast<const uint8_t*>(event.data.data()),
                                               event.data.size());
  const auto type = builder.CreateString(event.type.data(), event.type.size());
  const auto id = text(event.id), source = text(event.source), subject = text(event.subject);
  const auto time = text(event.time), content = text(event.datacontenttype);
  const auto dataschema = text(event.dataschema);
  const std::vector<flatbuffers::Offset<schema::Event>> events = {schema::CreateEvent(
      builder, type, id, source, subject, time, content, dataschema, items, event.form, data)};
  schema::FinishBatchBuffer(builder, schema::CreateBatch(builder, builder.CreateVector(events)));
  return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
}

Doors::Answer answer_of(const Outcome& outcome) {
  return {.taken = outcome.exit == 0, .why = outcome.errors};
}

}  // namespace

std::string members_of(const NewEvent& event) {
  std::string out = "\"type\":" + literal(event.type);
  const auto text = [&](const char* name, std::string_view value) {
    if (!value.empty()) out += ",\"" + std::string(name) + "\":" + literal(value);
  };
  text("id", event.id);
  text("source", event.source);
  text("subject", event.subject);
  text("time", event.time);
  text("datacontenttype", event.datacontenttype);
  text("dataschema", event.dataschema);
  for (const Attribute& attribute : event.attributes) {
    const bool is_text = attribute.kind == AttributeKind::text;
    out += "," + literal(attribute.name) + ":" +
           (is_text ? literal(attribute.text) : std::string(attribute.text));
  }
  if (event.form == DataForm::json) out += ",\"data\":" + std::string(event.data);
  if (event.form == DataForm::text) out += ",\"data\":" + literal(event.data);
  if (event.form == DataForm::binary) {
    out += ",\"data_base64\":\"";
    server::render_base64(out, event.data);
    out += '"';
  }
  return out;
}

Doors::Doors(ServerProcess& server, TemporaryDirectory& directory)
    : server_(server), directory_(directory), client_(server.client()) {
  client_.send("PUT", "/v1/streams/broadcast");
}

std::filesystem::path Doors::data(const std::string& door) const { return directory_ / door; }

void Doors::post(const std::string& door, const std::string& target, const std::string& body,
                 const Headers& headers, Answers& answers) {
  const Response response = client_.send("POST", target, body, headers);
  answers[door] = {.taken = response.status == 201,
                   .why = std::to_string(response.status) + " " + response.body};
}

std::map<std::string, Doors::Answer> Doors::bring(const NewEvent& event) {
  Answers answers = bring_json(members_of(event));
  bring_flatbuffer(event, answers);
  bring_binary(event, answers);
  bring_embedded(event, answers);
  return answers;
}

std::map<std::string, Doors::Answer> Doors::bring_json(const std::string& members) {
  Answers answers;
  const std::string event = "{" + members + "}";
  // An event of several lines is none of NDJSON's.
  std::string line = event;
  for (char& c : line) c = c == '\n' || c == '\r' ? ' ' : c;
  const auto to = [](const std::string& door) { return "/v1/streams/" + door + "/events"; };
  const auto said = [](const char* type) { return Headers{{"Content-Type", type}}; };
  post("json", to("json"), event, said("application/json"), answers);
  post("array", to("array"), "[" + event + "]", said("application/json"), answers);
  post("ndjson", to("ndjson"), line + "\n", said("application/x-ndjson"), answers);
  post("structured", to("structured"), event, said("application/cloudevents+json"), answers);
  post("batch", to("batch"), "[" + event + "]", said("application/cloudevents-batch+json"),
       answers);
  post("many", "/v1/append", R"({"appends":[{"stream":"many","events":[)" + event + "]}]}",
       said("application/json"), answers);
  post("lines", "/v1/append", R"({"stream":"lines",)" + line.substr(1) + "\n",
       said("application/x-ndjson"), answers);
  post("broadcast", "/v1/broadcast", R"({"prefix":"broadcast","event":)" + event + "}",
       said("application/json"), answers);

  const auto file = directory_ / ("event-" + std::to_string(++files_) + ".ndjson");
  std::ofstream(file) << line << '\n';
  const std::string url = server_.address().url(), path = file.string();
  answers["append"] =
      answer_of(strandline({"append", "append", "--events", "--server", url}, line + "\n"));
  answers["import"] =
      answer_of(strandline({"import", path, "--events", "--stream", "import", "--server", url}));
  answers["append-data"] = answer_of(
      strandline({"append", "s", "--events", "--data", data("append-data").string()}, line + "\n"));
  answers["import-data"] = answer_of(strandline(
      {"import", path, "--events", "--stream", "s", "--data", data("import-data").string()}));
  return answers;
}

void Doors::bring_flatbuffer(const NewEvent& event, Answers& answers) {
  post("flatbuffer", "/v1/streams/flatbuffer/events", flatbuffer_of(event),
       {{"Content-Type", kBatchType}}, answers);
}

void Doors::bring_binary(const NewEvent& event, Answers& answers) {
  Headers headers = {{"ce-specversion", "1.0"}, {"ce-type", header_value(event.type)}};
  const auto add = [&](const std::string& name, std::string_view value) {
    if (!value.empty()) headers.emplace_back(name, header_value(value));
  };
  add("ce-id", event.id);
  add("ce-source", event.source);
  add("ce-subject", event.subject);
  add("ce-time", event.time);
  add("ce-dataschema", event.dataschema);
  for (const Attribute& attribute : event.attributes) {
    headers.emplace_back("ce-" + std::string(attribute.name), header_value(attribute.text));
  }
  std::string type(event.datacontenttype);
  if (type.empty() && event.form == DataForm::json) type = "application/json";
  if (type.empty() && event.form == DataForm::text) type = "text/plain";
  if (!type.empty()) headers.emplace_back("Content-Type", type);
  post("binary", "/v1/streams/binary/events", std::string(event.data), headers, answers);
}

void Doors::bring_embedded(const NewEvent& event, Answers& answers) {
  const auto log = Log::open(data("embedded"), {});
  if (!log) throw std::runtime_error(log.error().message);
  auto batch = Batch::of({event});
  if (!batch) {
    answers["embedded"] = {.why = batch.error().message};
  } else {
    const auto appended = (*log)->append(Append{.stream = "s", .batch = std::move(*batch)});
    answers["embedded"] = {.taken = appended.has_value(),
                           .why = appended ? "" : appended.error().message};
  }
  (*log)->close();
}

}  // namespace strandline::tests
