#include "server/live/callback.h"

#include <curl/curl.h>
#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>
#include <memory>

#include "server/json/json_writer.h"
#include "server/live/live_access.h"

namespace strandline::server {
namespace {

constexpr long kCallbackTimeoutMs = 5'000;
constexpr size_t kAnswerBytesMax = 8 << 10;

size_t keep_answer(char* bytes, size_t, size_t count, void* into) {
  std::string& text = *static_cast<std::string*>(into);
  if (text.size() + count > kAnswerBytesMax) return 0;
  text.append(bytes, count);
  return count;
}

struct EndCurl {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

// Nothing: no.
std::optional<std::string> post_to(const std::string& url, const std::string& body,
                                   const std::string& signature) {
  const std::unique_ptr<CURL, EndCurl> curl(curl_easy_init());
  if (!curl) return std::nullopt;
  std::unique_ptr<curl_slist, EndCurl> headers(
      curl_slist_append(nullptr, "Content-Type: application/json"));
  curl_slist_append(headers.get(), ("Strandline-Signature: " + signature).c_str());
  std::string answer;
  CURL* const at = curl.get();
  curl_easy_setopt(at, CURLOPT_URL, url.c_str());
  curl_easy_setopt(at, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(at, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(at, CURLOPT_TIMEOUT_MS, kCallbackTimeoutMs);
  curl_easy_setopt(at, CURLOPT_USERAGENT, "strandline");
  curl_easy_setopt(at, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(at, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
  curl_easy_setopt(at, CURLOPT_POSTFIELDS, body.c_str());
  curl_easy_setopt(at, CURLOPT_WRITEFUNCTION, keep_answer);
  curl_easy_setopt(at, CURLOPT_WRITEDATA, &answer);
  const CURLcode result = curl_easy_perform(at);
  if (result != CURLE_OK) {
    spdlog::warn("the callback {} failed: {}", url, curl_easy_strerror(result));
    return std::nullopt;
  }
  long status = 0;
  curl_easy_getinfo(at, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) return std::nullopt;
  return answer;
}

}  // namespace

void ask_callback(LiveConnection& connection, CallbackQuestion question,
                  std::function<void(LiveConnection&, CallbackAnswer)> then) {
  const Live& live = connection.live();
  std::string body = "{\"connection\":";
  render_string(body, connection.name());
  body += ",\"channel\":";
  render_string(body, question.channel);
  body += question.joins ? ",\"joins\":true" : ",\"joins\":false";
  if (!connection.user().empty()) {
    body += ",\"user\":";
    render_string(body, connection.user());
  }
  body += "}";
  const std::string signature = hex_of(authentication_code(live.app.secret, body));
  asio::post(*connection.live().asking, [url = live.callback, body = std::move(body), signature,
                                         joins = question.joins, home = connection.poster(),
                                         then = std::move(then)]() mutable {
    CallbackAnswer answer;
    if (const auto text = post_to(url, body, signature)) {
      answer.allowed = true;
      if (joins) {
        auto member = read_channel_data(*text);
        answer.allowed = member.has_value();
        if (member) answer.member = std::move(*member);
      }
    }
    home([answer = std::move(answer), then = std::move(then)](LiveConnection& there) mutable {
      then(there, std::move(answer));
    });
  });
}

}  // namespace strandline::server
