#include "tests/support/http/json.h"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <stdexcept>

#include "server/json/base64.h"
#include "server/json/json_writer.h"
#include "server/wire/cloudevents.h"
#include "tests/support/log/payload.h"

namespace strandline::tests {

struct Json::Value {
  std::shared_ptr<const rapidjson::Document> document;  // keeps `value` alive
  const rapidjson::Value* value;
};

namespace {
const rapidjson::Value kNull;
}

Json Json::parse(const std::string& text) {
  auto document = std::make_shared<rapidjson::Document>();
  document->Parse<rapidjson::kParseValidateEncodingFlag>(text.data(), text.size());
  if (document->HasParseError()) throw std::runtime_error("not JSON: " + text);
  Json json;
  const rapidjson::Value* root = document.get();
  json.value_ = std::make_shared<Value>(Value{std::move(document), root});
  return json;
}

Json Json::operator[](const char* member) const {
  const rapidjson::Value* found = &kNull;
  if (value_->value->IsObject()) {
    const auto at = value_->value->FindMember(member);
    if (at != value_->value->MemberEnd()) found = &at->value;
  }
  Json json;
  json.value_ = std::make_shared<Value>(Value{value_->document, found});
  return json;
}

Json Json::operator[](size_t index) const {
  const rapidjson::Value* found = &kNull;
  if (value_->value->IsArray() && index < value_->value->Size()) {
    found = &(*value_->value)[static_cast<rapidjson::SizeType>(index)];
  }
  Json json;
  json.value_ = std::make_shared<Value>(Value{value_->document, found});
  return json;
}

size_t Json::size() const {
  if (value_->value->IsArray()) return value_->value->Size();
  return value_->value->IsObject() ? value_->value->MemberCount() : 0;
}

bool Json::is_null() const { return value_->value->IsNull(); }
bool Json::is_array() const { return value_->value->IsArray(); }
bool Json::has(const char* member) const {
  return value_->value->IsObject() && value_->value->HasMember(member);
}

std::string Json::str() const {
  if (!value_->value->IsString()) throw std::runtime_error("not a string: " + text());
  return {value_->value->GetString(), value_->value->GetStringLength()};
}

uint64_t Json::number() const {
  if (!value_->value->IsUint64()) throw std::runtime_error("not a number: " + text());
  return value_->value->GetUint64();
}

std::string Json::text() const {
  rapidjson::StringBuffer out;
  rapidjson::Writer<rapidjson::StringBuffer> writer(out);
  value_->value->Accept(writer);
  return {out.GetString(), out.GetSize()};
}

std::string json_event(const std::string& stream, const std::string& id) {
  const Payload made = payload(stream, id);
  std::string out = R"({"type":)";
  server::render_string(out, made.type);
  out += R"(,"id":)";
  server::render_string(out, made.id);
  if (!made.subject.empty()) {
    out += R"(,"subject":)";
    server::render_string(out, made.subject);
  }
  out += R"(,"data_base64":")";
  server::render_base64(out, made.data);
  return out + "\"}";
}

std::string json_events(const std::string& stream, uint64_t first, uint64_t count) {
  std::string out = "[";
  for (uint64_t offset = first; offset < first + count; ++offset) {
    if (offset != first) out += ',';
    out += json_event(stream, std::to_string(offset));
  }
  return out + "]";
}

std::string difference(const std::string& stream, const Json& event) {
  const std::string place = stream + ": " + event.text();
  if (!event.has("id")) return place + " has no id";
  const Payload wanted = payload(stream, event["id"].str());
  if (event["type"].str() != wanted.type) return place + " has another type";
  const std::string subject = event.has("subject") ? event["subject"].str() : "";
  if (subject != wanted.subject) return place + " has another subject";
  std::string base64;
  server::render_base64(base64, wanted.data);
  const std::string data = event.has("data_base64") ? event["data_base64"].str() : "";
  if (data != base64) return place + " has other data";
  return {};
}

}  // namespace strandline::tests
