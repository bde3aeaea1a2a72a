// Whose tokens are taken: the rules, the keys of all sources, and what was verified by them.
//
// One thread looks each second whether a file has changed. Another fetches at intervals what is at
// a URL, so that a URL that does not answer delays no file. It fetches sooner where a token names a
// key that is not known, but waits kFetchPause between two fetches. A source that cannot be read,
// or does not parse, keeps the keys that it had, and the log says so. A key that is in no source
// any more is removed: tokens that it signed are refused, and what they opened ends. *Threads*:
// verify, key and counts any. *Memory*: kTokensMax verified tokens at most. *Errors*: of open():
// `invalid` or `io`, where a source is not good; whoever starts a server is told.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "engine/api/error.h"
#include "engine/base/published.h"
#include "server/base/file_stamp.h"
#include "server/jwt/token.h"

namespace strandline::server {

struct TokenOptions {
  TokenRules rules;
  std::vector<std::string> keys;               // files in PEM or JSON, or URLs
  std::string secret_file;                     // for HS256; of mode 600
  std::string ca;                              // who must have signed an https URL's certificate
  std::chrono::milliseconds refresh{300'000};  // of a URL
};

class TokenAuthority {
 public:
  static constexpr std::chrono::seconds kFetchPause{10};
  static constexpr size_t kTokensMax = 8'192;

  // Null, where no key is named.
  static Result<std::unique_ptr<TokenAuthority>> open(TokenOptions options);
  ~TokenAuthority();

  // `digest`: of the text, as digest_of_secret has it.
  std::expected<TokenPointer, TokenFault> verify(std::string_view text, const std::string& digest,
                                                 Timestamp now);
  // By its thumbprint; null: there is none.
  TokenKeyPointer key(std::string_view thumbprint) const;

  uint64_t refused(TokenFault fault) const { return refused_[static_cast<size_t>(fault)]; }
  uint64_t reloads() const { return reloads_; }
  uint64_t failed_reloads() const { return failed_reloads_; }

 private:
  using Keys = std::vector<TokenKeyPointer>;
  struct Source {
    std::string place;
    bool url = false, secret = false;
    Keys keys = {};  // changed under sources_mutex_
    FileStamp stamp = {};
    std::string fault = {};  // what was said of it last; empty: it was read
    std::chrono::steady_clock::time_point fetched = {};
  };
  explicit TokenAuthority(TokenOptions options);
  Result<Keys> read(const Source& source, const std::stop_token& stop) const;
  // True if its keys were read again, whatever came of it.
  bool is_due(Source& source);
  // Starts the thread that looks at files, or at URLs; nothing, where there is none of them.
  void watch(bool urls);
  void look(bool urls, const std::stop_token& stop);
  void publish();
  void tell(TokenFault fault, Timestamp now);

  const TokenOptions options_;
  std::vector<Source> sources_;  // each is the thread's that looks at it, once that runs
  std::mutex sources_mutex_;     // guards the keys of all, which are published together
  Published<const Keys> keys_;
  std::atomic<bool> fetch_wanted_ = false;

  std::mutex tokens_mutex_;  // guards the verified tokens, by digest: the newer, and those before
  std::unordered_map<std::string, TokenPointer> tokens_, older_tokens_;

  std::array<std::atomic<uint64_t>, kTokenFaults> refused_ = {};
  std::atomic<uint64_t> reloads_ = 0, failed_reloads_ = 0;
  std::atomic<int64_t> told_us_ = 0;  // when a refusal was last logged

  std::mutex waiting_mutex_;  // of the threads' pauses
  std::condition_variable_any waiting_;
  std::vector<std::jthread> threads_;
};

}  // namespace strandline::server
