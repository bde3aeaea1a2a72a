#include "server/connection/tls_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "server/base/openssl_error.h"

namespace strandline::server {
namespace {

// A certificate and its chain have a few kilobytes, a machine's trusted roots a few hundred.
constexpr size_t kFileBytesMax = 4 << 20;

template <auto free>
struct Free {
  template <class T>
  void operator()(T* object) const {
    free(object);
  }
};
using BioPointer = std::unique_ptr<BIO, Free<BIO_free>>;
using X509Pointer = std::unique_ptr<X509, Free<X509_free>>;
using PkeyPointer = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;

std::unexpected<Error> refuse_file(const char* what, const std::string& path,
                                   const std::string& why) {
  return fail(Code::invalid, fmt::format("the {} {}: {}", what, path, why));
}

struct Secret {
  std::string text;
  ~Secret() { OPENSSL_cleanse(text.data(), text.size()); }
};

// Nobody but the owner and its group may read a key, or only the owner write it.
constexpr mode_t kKeyForbidden = S_IWGRP | S_IXGRP | S_IRWXO;

Status read_pem(const char* what, const std::string& path, mode_t forbidden, std::string& into) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return refuse_file(what, path, std::strerror(errno));
  const std::unique_ptr<const int, decltype([](const int* fd) { ::close(*fd); })> closing(&file);
  struct stat status = {};
  if (::fstat(file, &status) != 0) return refuse_file(what, path, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return refuse_file(what, path, "it is not a file");
  if ((status.st_mode & forbidden) != 0) {
    return refuse_file(what, path,
                       fmt::format("others may read or change it (its mode is {:o}): chmod 600 {}",
                                   static_cast<unsigned>(status.st_mode & 07777), path));
  }
  if (status.st_size > static_cast<off_t>(kFileBytesMax)) {
    return refuse_file(what, path, "it is too large for a PEM file");
  }
  into.resize(static_cast<size_t>(status.st_size));
  size_t got = 0;
  while (got < into.size()) {
    const ssize_t count = ::read(file, into.data() + got, into.size() - got);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return refuse_file(what, path, std::strerror(errno));
    if (count == 0) break;
    got += static_cast<size_t>(count);
  }
  into.resize(got);
  return {};
}

BioPointer over(const std::string& text) {
  return BioPointer(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// A key that asks for a passphrase: there is nobody here to type it.
int no_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

Status use_chain(SSL_CTX* context, const std::string& path) {
  std::string text;
  if (auto read = read_pem("certificate", path, 0, text); !read) return read;
  const BioPointer bio = over(text);
  const X509Pointer own(PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr));
  if (!own) {
    openssl_reason();
    return refuse_file("certificate", path, "there is no certificate in PEM in it");
  }
  if (SSL_CTX_use_certificate(context, own.get()) != 1) {
    return refuse_file("certificate", path, openssl_reason());
  }
  while (X509* next = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    if (SSL_CTX_add0_chain_cert(context, next) == 1) continue;
    X509_free(next);
    return refuse_file("certificate", path, openssl_reason());
  }
  const unsigned long end = ERR_peek_last_error();
  if (ERR_GET_REASON(end) != PEM_R_NO_START_LINE) {
    return refuse_file("certificate", path, openssl_reason());
  }
  ERR_clear_error();
  return {};
}

Status use_key(SSL_CTX* context, const std::string& path, const std::string& certificate) {
  Secret secret;
  if (auto read = read_pem("key", path, kKeyForbidden, secret.text); !read) return read;
  bool encrypted = false;
  const PkeyPointer key(
      PEM_read_bio_PrivateKey(over(secret.text).get(), nullptr, no_passphrase, &encrypted));
  if (!key) {
    openssl_reason();
    return refuse_file("key", path,
                       encrypted ? "it needs a passphrase; a server has nobody to ask, so give it "
                                   "one without"
                                 : "there is no private key in PEM in it");
  }
  if (X509_check_private_key(SSL_CTX_get0_certificate(context), key.get()) != 1) {
    openssl_reason();
    return refuse_file("key", path,
                       fmt::format("it is not the key of the certificate {}", certificate));
  }
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
    return refuse_file("key", path, openssl_reason());
  }
  return {};
}

}  // namespace

Status use_certificate(SSL_CTX* context, const std::string& certificate, const std::string& key) {
  if (auto used = use_chain(context, certificate); !used) return used;
  return use_key(context, key, certificate);
}

std::time_t time_in(const ASN1_TIME* time) {
  std::tm parts = {};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? ::timegm(&parts) : 0;
}

std::shared_ptr<const ClientCertificate> shown_certificate(const SSL* ssl) {
  const X509* const certificate = SSL_get0_peer_certificate(ssl);
  if (!certificate || SSL_get_verify_result(ssl) != X509_V_OK) return nullptr;
  constexpr int64_t kUsPerSecond = 1'000'000;
  auto shown = std::make_shared<ClientCertificate>();
  // Good to the end of that second (RFC 5280, section 4.1.2.5).
  shown->expires = {(time_in(X509_get0_notAfter(certificate)) + 1) * kUsPerSecond};
  const X509_NAME* const subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) return shown;
  unsigned char* text = nullptr;
  const int size =
      ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (size > 0) shown->name.assign(reinterpret_cast<const char*>(text), static_cast<size_t>(size));
  OPENSSL_free(text);
  // A name that ends early for some is nobody's.
  if (shown->name.contains('\0')) shown->name.clear();
  return shown;
}

Status trust(SSL_CTX* context, const std::string& file) {
  std::string text;
  if (auto read = read_pem("CA", file, 0, text); !read) return read;
  const BioPointer bio = over(text);
  size_t count = 0;
  while (const X509Pointer one{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), one.get());
    ++count;
  }
  ERR_clear_error();
  if (count == 0) return refuse_file("CA", file, "there is no certificate in PEM in it");
  return {};
}

}  // namespace strandline::server
