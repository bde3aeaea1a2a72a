// A log's named consumers (engine/consumer.h), in a directory or behind a server, as Connection is.
//
// *Threads*: one at a time. *Errors*: as Connection's. *Waiting*: fetch ends early, with nothing,
// once Interrupt is raised, where it can; with `closed` where it cannot.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/log.h"
#include "tools/http.h"
#include "tools/purpose.h"

namespace strandline::tools {

class NamedConsumers {
 public:
  virtual ~NamedConsumers() = default;

  // `exists` if it is there with other settings.
  virtual Result<ConsumerInfo> create(const std::string& name, const ConsumerSettings&) = 0;
  virtual Result<ConsumerInfo> update(const std::string& name, const ConsumerChange&) = 0;
  virtual Status remove(const std::string& name) = 0;
  virtual Result<ConsumerInfo> reset(const std::string& name, const From& from) = 0;
  virtual Result<ConsumerInfo> describe(const std::string& name) = 0;
  virtual Result<std::vector<ConsumerInfo>> list(const std::string& prefix,
                                                 const std::string& after, size_t limit) = 0;
  virtual Result<Skipped> skip(const Skip& request) = 0;
  virtual Result<uint64_t> replay(const std::string& name, uint64_t limit) = 0;
  virtual Result<std::vector<DeadLetter>> dead_letters(const std::string& name, uint64_t from,
                                                       size_t limit) = 0;

  virtual Result<Joined> join(const std::string& name) = 0;
  virtual Status leave(const std::string& name, uint64_t epoch) = 0;
  // Waits for as long as the request says.
  virtual Result<Fetched> fetch(const Fetch& request) = 0;
  virtual Result<Settled> settle(const Settle& request) = 0;
  virtual Result<uint64_t> commit(const Commit& request) = 0;
};

std::unique_ptr<NamedConsumers> local_consumers(Log& log);
std::unique_ptr<NamedConsumers> remote_consumers(const Url& url, Purpose purpose);

}  // namespace strandline::tools
