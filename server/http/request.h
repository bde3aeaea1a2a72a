// One request, with the bytes that its head's views point into. It can be moved; they stay.
#pragma once

#include <memory>
#include <string>

#include "engine/api/administration.h"
#include "server/http/authority.h"
#include "server/http/body_budget.h"
#include "server/http/client_certificate.h"
#include "server/http/forwarded.h"
#include "server/http/request_head.h"

namespace strandline::server {

struct Request {
  // Of the address that it came by. Borrowed, for the server's life.
  const Authorities* authorities;
  std::unique_ptr<const char[]> head_bytes = {};
  RequestHead head = {};
  Client client = {};  // whom it comes from: by its peer's address, or as trusted proxies say
  Actor actor = {};    // who asks, as far as it is known: its address, then its key
  std::string body = {};
  BodyBudget::Share share = {};  // of a large body
  // Its connection's, if the client has shown one.
  std::shared_ptr<const ClientCertificate> certificate = {};
};

}  // namespace strandline::server
