#include "server/jwt/key_fetch.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <array>
#include <memory>

#include "server/jwt/key_set.h"

namespace strandline::server {
namespace {

constexpr long kConnectTimeoutMs = 5'000, kFetchTimeoutMs = 10'000;

size_t keep(char* bytes, size_t, size_t count, void* into) {
  std::string& text = *static_cast<std::string*>(into);
  if (text.size() + count > kKeySetBytesMax) return 0;
  text.append(bytes, count);
  return count;
}

int stop_if_asked(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::stop_token*>(stop)->stop_requested() ? 1 : 0;
}

struct CurlFree {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};

}  // namespace

bool is_url(const std::string& source) {
  return source.starts_with("https://") || source.starts_with("http://");
}

Result<std::string> fetch_key_set(const std::string& url, const std::string& ca,
                                  const std::stop_token& stop) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, CurlFree> curl(ready == CURLE_OK ? curl_easy_init() : nullptr);
  if (!curl) return fail(Code::io, url + ": libcurl cannot start");
  std::string text;
  std::array<char, CURL_ERROR_SIZE> why = {};
  CURL* const at = curl.get();
  curl_easy_setopt(at, CURLOPT_URL, url.c_str());
  curl_easy_setopt(at, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(at, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(at, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(at, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  curl_easy_setopt(at, CURLOPT_TIMEOUT_MS, kFetchTimeoutMs);
  curl_easy_setopt(at, CURLOPT_USERAGENT, "strandline");
  curl_easy_setopt(at, CURLOPT_ERRORBUFFER, why.data());
  curl_easy_setopt(at, CURLOPT_WRITEFUNCTION, keep);
  curl_easy_setopt(at, CURLOPT_WRITEDATA, &text);
  curl_easy_setopt(at, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(at, CURLOPT_XFERINFOFUNCTION, stop_if_asked);
  curl_easy_setopt(at, CURLOPT_XFERINFODATA, &stop);
  if (!ca.empty()) curl_easy_setopt(at, CURLOPT_CAINFO, ca.c_str());
  const CURLcode result = curl_easy_perform(at);
  if (stop.stop_requested()) return fail(Code::closed, url + ": the server ends");
  if (result != CURLE_OK) {
    return fail(Code::io,
                fmt::format("{}: {}", url, why[0] ? why.data() : curl_easy_strerror(result)));
  }
  long status = 0;
  curl_easy_getinfo(at, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) return fail(Code::io, fmt::format("{}: it answered {}", url, status));
  return text;
}

}  // namespace strandline::server
