// Certificates and keys in files in PEM, as OpenSSL is to use them: the server's, and a client's.
//
// *Errors*: `invalid`, with the file, what is wrong with it and what to do. A key that others than
// its owner and group can read, or others than its owner can write, is refused.
#pragma once

#include <openssl/types.h>

#include <ctime>
#include <memory>
#include <string>

#include "engine/api/error.h"
#include "server/http/client_certificate.h"

struct ssl_ctx_st;
struct ssl_st;

namespace strandline::server {

// A certificate, with those between it and its root behind it, and its private key.
Status use_certificate(ssl_ctx_st* context, const std::string& certificate, const std::string& key);
// Who is trusted to have signed the other side's certificate: all those in the file.
Status trust(ssl_ctx_st* context, const std::string& file);
// What the other side has shown, and was verified; null: nothing.
std::shared_ptr<const ClientCertificate> shown_certificate(const ssl_st* ssl);
// Of a certificate's time; 0 where it says none.
std::time_t time_in(const ASN1_TIME* time);

}  // namespace strandline::server
