// A request to a server and its answer, on one connection, opened when it is needed and again after
// it was lost; and the members of an answer.
//
// A request is never repeated here, because only the caller knows whether it may be. *Errors*: what
// the server says, as the log would have said it; `io` as http.h has it. *Threads*: one.
#pragma once

#include <rapidjson/document.h>

#include <optional>
#include <string>
#include <string_view>

#include "engine/api/types.h"
#include "tools/client/http.h"

namespace strandline::tools {

class Exchange {
 public:
  // `unreached` ends the message of the error while the server was never reached.
  Exchange(Url url, std::string unreached)
      : url_(std::move(url)), unreached_(std::move(unreached)) {}

  const Url& url() const { return url_; }
  // An answer of 4xx or 5xx is an error.
  Result<HttpAnswer> send(const HttpRequest& request);
  // One that is a JSON object; an empty one where there is no body.
  Result<rapidjson::Document> ask(const HttpRequest& request);

 private:
  const Url url_;
  const std::string unreached_;
  bool reached_ = false;
  std::optional<HttpConnection> connection_;
};

// What is missing reads as nothing.
std::string_view text_of(const rapidjson::Value& object, const char* name);
uint64_t number_of(const rapidjson::Value& object, const char* name);
std::optional<Timestamp> time_of(const rapidjson::Value& object, const char* name);
rapidjson::Value::ConstArray array_of(const rapidjson::Value& object, const char* name);

}  // namespace strandline::tools
