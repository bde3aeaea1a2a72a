#include "tools/client/exchange.h"

#include <fmt/format.h>

#include "engine/api/rfc3339.h"

namespace strandline::tools {

Result<HttpAnswer> Exchange::send(const HttpRequest& request) {
  if (!connection_) {
    auto opened = HttpConnection::open(url_);
    if (!opened) {
      if (!reached_) opened.error().message += unreached_;
      return std::unexpected(opened.error());
    }
    reached_ = true;
    connection_.emplace(std::move(*opened));
  }
  Status sent = connection_->send(request);
  // A server that refuses may answer and close before it has read everything.
  auto answer = connection_->receive();
  if (!answer) {
    connection_.reset();
    return std::unexpected(sent ? answer.error() : sent.error());
  }
  const auto last = answer->header("Connection");
  if (!sent || (last && *last == "close")) connection_.reset();
  if (!answer->ok()) return std::unexpected(error_of(*answer));
  return answer;
}

Result<rapidjson::Document> Exchange::ask(const HttpRequest& request) {
  auto answer = send(request);
  if (!answer) return std::unexpected(answer.error());
  rapidjson::Document document;
  if (answer->body.empty()) {
    document.SetObject();  // 204
    return document;
  }
  document.Parse(answer->body.data(), answer->body.size());
  if (document.HasParseError() || !document.IsObject()) {
    return fail(Code::io, fmt::format("{}: the answer is not a JSON object; is it a Strandline "
                                      "server?",
                                      url_.text));
  }
  return document;
}

std::string_view text_of(const rapidjson::Value& object, const char* name) {
  const auto it = object.FindMember(name);
  if (it == object.MemberEnd() || !it->value.IsString()) return {};
  return {it->value.GetString(), it->value.GetStringLength()};
}

uint64_t number_of(const rapidjson::Value& object, const char* name) {
  const auto it = object.FindMember(name);
  return it != object.MemberEnd() && it->value.IsUint64() ? it->value.GetUint64() : 0;
}

std::optional<Timestamp> time_of(const rapidjson::Value& object, const char* name) {
  const std::string_view text = text_of(object, name);
  if (text.empty()) return std::nullopt;
  const auto time = parse_time(text);
  return time ? std::optional(*time) : std::nullopt;
}

rapidjson::Value::ConstArray array_of(const rapidjson::Value& object, const char* name) {
  static const rapidjson::Value none(rapidjson::kArrayType);
  const auto it = object.FindMember(name);
  const bool there = it != object.MemberEnd() && it->value.IsArray();
  return there ? it->value.GetArray() : none.GetArray();
}

}  // namespace strandline::tools
