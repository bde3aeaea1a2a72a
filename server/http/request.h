// One request, with the bytes that its head's views point into. It can be moved; they stay.
#pragma once

#include <memory>
#include <string>

#include "server/http/authority.h"
#include "server/http/body_budget.h"
#include "server/http/request_head.h"

namespace strandline::server {

struct Request {
  // Of the address that it came by. Borrowed, for the server's life.
  const Authorities* authorities;
  std::unique_ptr<const char[]> head_bytes = {};
  RequestHead head = {};
  std::string body = {};
  BodyBudget::Share share = {};  // of a large body
};

}  // namespace strandline::server
