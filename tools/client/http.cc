#include "tools/client/http.h"

#include <fmt/format.h>
#include <rapidjson/document.h>

#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <charconv>

#include "server/http/query.h"

namespace strandline::tools {
namespace {

namespace http = boost::beast::http;

constexpr std::chrono::milliseconds kConnectPatience{5'000};
// For an answer: an append may wait for a slow disk, and no longer than this.
constexpr std::chrono::milliseconds kAnswerPatience{60'000};
constexpr size_t kPieceBytes = 256 << 10;

}  // namespace

std::string encode(std::string_view text) {
  std::string out;
  server::append_percent_encoded(out, text);
  return out;
}

Query& Query::add(std::string_view name, std::string_view value) {
  text_ += text_.empty() ? '?' : '&';
  text_.append(name).append("=").append(encode(value));
  return *this;
}

std::optional<std::string_view> HttpAnswer::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (boost::beast::iequals(key, name)) return value;
  }
  return std::nullopt;
}

std::optional<uint64_t> HttpAnswer::number(std::string_view name) const {
  const auto text = header(name);
  uint64_t number = 0;
  if (!text ||
      std::from_chars(text->data(), text->data() + text->size(), number).ec != std::errc()) {
    return std::nullopt;
  }
  return number;
}

Error error_of(const HttpAnswer& answer) {
  rapidjson::Document problem;
  if (problem.Parse(answer.body.data(), answer.body.size()).HasParseError() ||
      !problem.IsObject()) {
    return {.code = Code::io,
            .message = fmt::format("it answered {}; is it a Strandline server?", answer.status)};
  }
  const auto text = [&](const char* name) {
    const auto it = problem.FindMember(name);
    return it != problem.MemberEnd() && it->value.IsString()
               ? std::string_view(it->value.GetString(), it->value.GetStringLength())
               : std::string_view();
  };
  const auto number = [&](const char* name) -> std::optional<uint64_t> {
    const auto it = problem.FindMember(name);
    if (it == problem.MemberEnd() || !it->value.IsUint64()) return std::nullopt;
    return it->value.GetUint64();
  };
  Error error{.code = answer.status >= 500 ? Code::busy : Code::invalid,
              .message = std::string(text("detail")),
              .current = number("current")};
  // What is withheld, as by an operating system: no key, or one that is not granted this.
  if (answer.status == 401 || answer.status == 403) error.code = Code::inaccessible;
  // The type ends in the name of the log's code, unless HTTP itself refused.
  for (int i = 0; i <= static_cast<int>(Code::io); ++i) {
    const Code code = static_cast<Code>(i);
    if (text("type") == std::string("urn:strandline:problem:") + name_of(code)) error.code = code;
  }
  if (text("applied") == "outcome-unknown") error.code = Code::outcome_unknown;
  const auto start = number("start");
  const auto tail = number("tail");
  if (start && tail) error.available = Available{*start, *tail};
  return error;
}

Result<HttpConnection> HttpConnection::open(const Url& url) {
  auto channel = Channel::open(url, kConnectPatience);
  if (!channel) return std::unexpected(channel.error());
  return HttpConnection(url, std::move(*channel));
}

Error HttpConnection::lost(const boost::system::error_code& error) const {
  if (error == boost::asio::error::operation_aborted) {
    return {.code = Code::closed, .message = "interrupted"};
  }
  if (const std::string refusal = channel_.refusal(); !refusal.empty()) {
    return {.code = Code::invalid,
            .message = fmt::format("{} ended TLS: {} (--cert and --cert-key are this client's)",
                                   url_.text, refusal)};
  }
  const std::string why = error == boost::asio::error::eof || error == http::error::end_of_stream ||
                                  error == http::error::partial_message
                              ? "the server closed it"
                              : error.message();
  return {.code = Code::io,
          .message = fmt::format("lost the connection to {}: {}", url_.text, why)};
}

Status HttpConnection::send(const HttpRequest& request) {
  http::request<http::string_body> message;
  message.version(11);
  message.method_string(request.method);
  message.target(url_.path + request.target);
  message.set(http::field::host, url_.authority());
  message.set(http::field::user_agent, "strandline");
  if (!request.content_type.empty()) message.set(http::field::content_type, request.content_type);
  if (!url_.token.empty()) message.set(http::field::authorization, "Bearer " + url_.token);
  if (!request.accept.empty()) message.set(http::field::accept, request.accept);
  for (const auto& [name, value] : request.headers) message.set(name, value);
  message.body() = request.body;
  message.prepare_payload();
  channel_.set_patience(kAnswerPatience);
  boost::system::error_code error;
  http::write(channel_, message, error);
  if (error) return std::unexpected(lost(error));
  return {};
}

Result<HttpAnswer> HttpConnection::receive_head() {
  parser_ = std::make_unique<http::response_parser<http::buffer_body>>();
  parser_->body_limit(boost::none);
  channel_.set_patience(kAnswerPatience);
  boost::system::error_code error;
  http::read_header(channel_, buffer_, *parser_, error);
  if (error) return std::unexpected(lost(error));
  HttpAnswer answer{.status = parser_->get().result_int()};
  for (const auto& field : parser_->get()) {
    answer.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  }
  if (answer.ok()) return answer;
  while (true) {
    auto more = receive_some(answer.body, kAnswerPatience);
    if (!more) return std::unexpected(more.error());
    if (*more != More::some) return answer;
  }
}

Result<HttpAnswer> HttpConnection::receive() {
  auto answer = receive_head();
  if (!answer || !answer->ok()) return answer;
  while (true) {
    auto more = receive_some(answer->body, kAnswerPatience);
    if (!more) return std::unexpected(more.error());
    if (*more == More::end) return answer;
    if (*more == More::nothing) return std::unexpected(lost(boost::asio::error::timed_out));
  }
}

Result<HttpConnection::More> HttpConnection::receive_some(std::string& into,
                                                          std::chrono::milliseconds patience) {
  channel_.set_patience(patience);
  while (!parser_->is_done()) {
    const size_t before = into.size();
    into.resize(before + kPieceBytes);
    auto& body = parser_->get().body();
    body.data = into.data() + before;
    body.size = kPieceBytes;
    boost::system::error_code error;
    http::read_some(channel_, buffer_, *parser_, error);
    into.resize(into.size() - body.size);
    if (error == http::error::need_buffer) error = {};
    if (into.size() > before) return More::some;
    if (error == boost::asio::error::timed_out) return More::nothing;
    if (error) return std::unexpected(lost(error));
  }
  return More::end;
}

}  // namespace strandline::tools
