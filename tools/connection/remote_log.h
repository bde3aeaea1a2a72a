// A log behind a server, over its HTTP API. One connection, opened when it is needed and again
// after it was lost; a request is never repeated here, because only the caller knows whether it may
// be.
#pragma once

#include <memory>
#include <string>

#include "tools/client/exchange.h"
#include "tools/connection/log_handle.h"

namespace strandline::tools {

class RemoteLog : public LogHandle {
 public:
  // Nothing is sent yet.
  RemoteLog(Url url, Purpose purpose);

  bool is_server() const override { return true; }

  Result<Appended> append(Append request) override;
  Result<std::unique_ptr<Feed>> feed() override;
  Result<std::unique_ptr<Reader>> read(const ReadRequest& request) override;

  Result<StreamInfo> create_stream(std::string name, StreamSettings settings) override;
  Status delete_stream(std::string name) override;
  Result<Offset> truncate(std::string name, Offset before) override;
  Result<StreamInfo> describe(std::string_view name) override;
  Result<std::vector<StreamInfo>> list(std::string_view prefix, std::string_view after,
                                       size_t limit) override;

  Result<uint64_t> position(std::string_view consumer, std::string_view stream) override;
  Result<std::vector<ConsumerPosition>> positions(std::string_view consumer_prefix,
                                                  size_t limit) override;
  Result<std::vector<ConsumerPosition>> reset_positions(std::string consumer, From from) override;
  Result<uint64_t> commit(Commit request) override;

  // --- In remote_consumers.cc.
  Result<ConsumerInfo> create_consumer(std::string name, ConsumerSettings settings) override;
  Status delete_consumer(std::string name) override;
  Result<ConsumerInfo> reset_consumer(std::string name, From from) override;
  Result<ConsumerInfo> describe_consumer(std::string name) override;
  Result<ConsumerInfo> update_consumer(std::string name, ConsumerChange change) override;
  Result<std::vector<ConsumerInfo>> consumers(std::string prefix, std::string after,
                                              size_t limit) override;
  Result<Joined> join(std::string consumer) override;
  Status leave(std::string consumer, uint64_t epoch, bool untried) override;
  Result<Fetched> fetch(Fetch request) override;
  Result<Settled> settle(Settle request) override;
  Result<Skipped> skip(Skip request) override;
  Result<uint64_t> replay(std::string consumer, uint64_t limit) override;
  Result<std::vector<DeadLetter>> dead_letters(std::string consumer, uint64_t from,
                                               size_t limit) override;

  // --- In remote_keys.cc.
  Result<std::string> create_key(std::string name, std::vector<Grant> grants,
                                 std::optional<std::chrono::seconds> lifetime,
                                 Quota quota) override;
  Result<std::string> keys() override;
  Result<std::string> key(std::string name) override;
  Result<std::string> rotate_key(std::string name, std::chrono::seconds grace) override;
  Result<std::string> revoke_key(std::string name) override;

  Result<std::string> info() override;

 private:
  Result<rapidjson::Document> get(std::string target);
  // With a body in JSON.
  Result<rapidjson::Document> ask(const char* method, std::string target, std::string body);
  // Whether a consumer's positions count the events of one stream; asked once.
  Result<bool> reads_one_stream(const std::string& consumer);

  const Url url_;
  Exchange exchange_;
  std::string counted_of_;  // whose positions by_offset_ is of
  bool by_offset_ = false;
};

// Whom a server must be vouched for by, and what it is shown.
struct Credentials {
  TlsTrust trust;
  std::string token;
};

// `invalid` if it is no URL.
Result<std::unique_ptr<LogHandle>> open_remote(const std::string& url, Credentials credentials,
                                               Purpose purpose);

// Reads as frames (schemas/frame.h), on a connection of its own.
Result<std::unique_ptr<Reader>> read_remote(const Url& url, const ReadRequest& request);

}  // namespace strandline::tools
