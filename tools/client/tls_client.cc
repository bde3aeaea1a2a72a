#include "tools/client/tls_client.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "server/base/openssl_error.h"
#include "server/connection/tls_files.h"

namespace strandline::tools {
namespace {

constexpr size_t kRecordBytes = 16 << 10;

int size_of(size_t bytes) { return static_cast<int>(std::min<size_t>(bytes, 1 << 30)); }

bool is_number(const std::string& host) {
  unsigned char address[16];
  return ::inet_pton(AF_INET, host.c_str(), address) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), address) == 1;
}

using ContextPointer = std::unique_ptr<SSL_CTX, server::SslFree>;

Result<ContextPointer> trusting(const TlsTrust& trust) {
  ERR_clear_error();
  ContextPointer context(SSL_CTX_new(TLS_client_method()));
  if (!context) return fail(Code::io, "TLS: " + server::openssl_reason());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  if (trust.ca.empty()) {
    SSL_CTX_set_default_verify_paths(context.get());
  } else if (auto trusted = server::trust(context.get(), trust.ca); !trusted) {
    return std::unexpected(trusted.error());
  }
  if (trust.certificate.empty() != trust.key.empty()) {
    return fail(Code::invalid,
                "a client's certificate goes with its key: --cert FILE --cert-key FILE");
  }
  if (!trust.certificate.empty()) {
    auto used = server::use_certificate(context.get(), trust.certificate, trust.key);
    if (!used) return std::unexpected(used.error());
  }
  return context;
}

// Of a handshake that OpenSSL gave up.
Error not_trusted(SSL* ssl, const Url& url) {
  const unsigned long error = ERR_peek_error();
  const long verified = SSL_get_verify_result(ssl);
  const std::string reason = server::openssl_reason();
  if (verified != X509_V_OK) {
    const bool of_name =
        verified == X509_V_ERR_HOSTNAME_MISMATCH || verified == X509_V_ERR_IP_ADDRESS_MISMATCH;
    return {.code = Code::invalid,
            .message = fmt::format(
                "the certificate of {} is not trusted: {}; {}", url.text,
                X509_verify_cert_error_string(verified),
                of_name ? "it is another server's, or names other hosts than " + url.host
                        : "--ca FILE names who must have signed it")};
  }
  if (ERR_GET_REASON(error) == SSL_R_WRONG_VERSION_NUMBER) {
    return {.code = Code::invalid,
            .message = fmt::format("{} does not speak TLS: perhaps its URL begins with http://",
                                   url.text)};
  }
  return {.code = Code::invalid,
          .message = fmt::format("cannot speak TLS with {}: {}", url.text, reason)};
}

}  // namespace

Result<TlsClient> TlsClient::open(Socket& socket, const Url& url) {
  auto context = trusting(url.trust);
  if (!context) return std::unexpected(context.error());
  TlsClient client(server::SslPointer(SSL_new(context->get())));
  SSL* ssl = client.ssl_.get();
  SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  if (is_number(url.host)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), url.host.c_str());
  } else {
    SSL_set_tlsext_host_name(ssl, url.host.c_str());
    SSL_set1_host(ssl, url.host.c_str());
  }
  constexpr unsigned char kProtocols[] = "\x08http/1.1";
  SSL_set_alpn_protos(ssl, kProtocols, sizeof kProtocols - 1);
  while (true) {
    ERR_clear_error();
    const int result = SSL_connect(ssl);
    ErrorCode error;
    if (result == 1) {
      client.flush(socket, error);
      if (!error) return client;
    } else if (SSL_get_error(ssl, result) == SSL_ERROR_SSL) {
      Error why = not_trusted(ssl, url);
      client.flush(socket, error);  // the alert that says so
      return std::unexpected(std::move(why));
    } else {
      client.serve(socket, result, error);
    }
    if (error) {
      const bool ended = error == boost::asio::error::eof;
      return fail(Code::closed, fmt::format("cannot reach {}: {}", url.text,
                                            ended ? "the server closed it" : error.message()));
    }
  }
}

void TlsClient::flush(Socket& socket, ErrorCode& error) {
  char* bytes = nullptr;
  BIO* out = SSL_get_wbio(ssl_.get());
  const long count = BIO_get_mem_data(out, &bytes);
  if (count > 0) socket.give(bytes, static_cast<size_t>(count), error);
  BIO_reset(out);
}

void TlsClient::serve(Socket& socket, int result, ErrorCode& error) {
  const int wanted = SSL_get_error(ssl_.get(), result);
  flush(socket, error);
  if (error) return;
  switch (wanted) {
    case SSL_ERROR_WANT_READ: {
      char bytes[kRecordBytes];
      const size_t count = socket.take(bytes, sizeof bytes, error);
      if (count > 0) BIO_write(SSL_get_rbio(ssl_.get()), bytes, size_of(count));
      return;
    }
    case SSL_ERROR_WANT_WRITE:
      return;
    case SSL_ERROR_ZERO_RETURN:
      error = boost::asio::error::eof;
      return;
    default:
      refusal_ = server::openssl_reason();
      error = boost::asio::error::connection_aborted;
  }
}

size_t TlsClient::take(Socket& socket, char* into, size_t bytes, ErrorCode& error) {
  error = {};
  if (bytes == 0) return 0;
  while (true) {
    ERR_clear_error();
    const int count = SSL_read(ssl_.get(), into, size_of(bytes));
    if (count > 0) return static_cast<size_t>(count);
    serve(socket, count, error);
    if (error) return 0;
  }
}

size_t TlsClient::give(Socket& socket, const char* from, size_t bytes, ErrorCode& error) {
  error = {};
  size_t given = 0;
  while (given < bytes) {
    ERR_clear_error();
    const int count =
        SSL_write(ssl_.get(), from + given, size_of(std::min(bytes - given, kRecordBytes)));
    if (count > 0) {
      given += static_cast<size_t>(count);
      flush(socket, error);
    } else {
      serve(socket, count, error);
    }
    if (error) {
      learn_refusal(socket);
      return given;
    }
  }
  return given;
}

// A server that refuses this client's certificate says so only after the client's handshake, and
// closes: the first request may fail before the word is read.
void TlsClient::learn_refusal(Socket& socket) {
  ErrorCode error;
  char byte = 0;
  while (!error && refusal_.empty()) {
    ERR_clear_error();
    const int count = SSL_peek(ssl_.get(), &byte, 1);
    if (count > 0) return;
    serve(socket, count, error);
  }
}

}  // namespace strandline::tools
