// Which pages of other origins may use this server (CORS: the Fetch standard, section 3.2), and
// what their browser is told.
//
// A page may read what it is let in to read. Whether it may change anything, admission.cc decides.
// No answer allows credentials that a browser adds by itself. *Threads*: any.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/response.h"

namespace strandline::server {

class Origins {
 public:
  // Each is an origin, such as https://app.example.org; or https://*.example.org, which is every
  // name below example.org; or *, which is every origin. Valid, as fault_in has it.
  explicit Origins(std::vector<std::string> patterns) : patterns_(std::move(patterns)) {}
  // What is wrong with a pattern, as a sentence.
  static std::optional<std::string> fault_in(std::string_view pattern);

  bool allows(std::string_view origin) const;
  // Of the answer to a request with this Origin, or with none: whole lines.
  std::string headers(std::string_view origin) const;

 private:
  std::vector<std::string> patterns_;
};

// What a browser asks before a page's request that no form could send. The request that is to come
// has fields of these names, in a list.
Response preflight_answer(std::string_view requested_fields);

}  // namespace strandline::server
