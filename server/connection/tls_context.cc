#include "server/connection/tls_context.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <utility>

#include "server/base/openssl_error.h"
#include "server/connection/tls_files.h"
#include "server/http/response.h"

namespace strandline::server {
namespace {

// With forward secrecy (ECDHE) and authenticated encryption; of TLS 1.3 all that OpenSSL has is so.
constexpr char kCiphersOf12[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr char kCiphersOf13[] =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr char kGroups[] = "X25519:P-256:P-384";
constexpr unsigned char kProtocol[] = "\x08http/1.1";

// RFC 7301, section 3.2: a client that names protocols and not this one is told so.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* bytes,
                    const unsigned char* offered, unsigned int offered_bytes, void*) {
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, bytes, kProtocol, sizeof kProtocol - 1, offered,
                            offered_bytes) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

Status ask_for_certificates(SSL_CTX* context, const TlsFiles& files) {
  const std::string& ca = files.client_ca;
  if (ca.empty()) return {};
  if (auto trusted = trust(context, ca); !trusted) return trusted;
  // The names of these are what a client is told to choose its certificate by.
  SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(ca.c_str()));
  const int needed = files.require_certificates ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | needed, nullptr);
  // A ticket is taken back only where it was given; without this OpenSSL takes none.
  constexpr unsigned char kName[] = "strandline";
  SSL_CTX_set_session_id_context(context, kName, sizeof kName - 1);
  return {};
}

void agree(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_cipher_list(context, kCiphersOf12);
  SSL_CTX_set_ciphersuites(context, kCiphersOf13);
  SSL_CTX_set1_groups_list(context, kGroups);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 1);
  // A write that waits for room is tried again with the same bytes, wherever they are by then; an
  // idle connection holds no buffers.
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  // One read of the socket for a record, instead of one for its head and one for the rest.
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
}

}  // namespace

void SslFree::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }
void SslFree::operator()(ssl_st* ssl) const { SSL_free(ssl); }

Result<std::unique_ptr<TlsContext>> TlsContext::open(TlsFiles files) {
  std::unique_ptr<TlsContext> context(new TlsContext(std::move(files)));
  context->tried_ = context->stamps();
  if (auto loaded = context->load(); !loaded) return std::unexpected(loaded.error());
  return context;
}

Status TlsContext::load() {
  ERR_clear_error();
  ContextPointer fresh(SSL_CTX_new(TLS_server_method()));
  if (!fresh) return fail(Code::io, "TLS: " + openssl_reason());
  agree(fresh.get());
  if (auto used = use_certificate(fresh.get(), files_.certificate, files_.key); !used) return used;
  if (auto used = ask_for_certificates(fresh.get(), files_); !used) return used;
  const X509* certificate = SSL_CTX_get0_certificate(fresh.get());
  begins_ = time_in(X509_get0_notBefore(certificate));
  expires_ = time_in(X509_get0_notAfter(certificate));
  const std::lock_guard lock(mutex_);
  current_ = std::move(fresh);
  return {};
}

Result<bool> TlsContext::refresh() {
  const auto now = stamps();
  if (now == tried_) return false;
  // Before they are read: what changes meanwhile is seen the next time.
  tried_ = now;
  if (auto loaded = load(); !loaded) return std::unexpected(loaded.error());
  return true;
}

std::array<FileStamp, 3> TlsContext::stamps() const {
  return {FileStamp::of(files_.certificate), FileStamp::of(files_.key),
          FileStamp::of(files_.client_ca)};
}

SslPointer TlsContext::begin() const {
  const std::lock_guard lock(mutex_);
  return SslPointer(SSL_new(current_.get()));
}

std::optional<std::string> TlsContext::warning(std::time_t now) const {
  if (now >= expires_) {
    return fmt::format("the certificate {} has expired ({}): clients refuse it", files_.certificate,
                       http_date(expires_));
  }
  if (now < begins_) {
    return fmt::format("the certificate {} is not valid yet (before {}): clients refuse it",
                       files_.certificate, http_date(begins_));
  }
  return std::nullopt;
}

}  // namespace strandline::server
