// A client of a log, of the engine's or over HTTP, that keeps what it asks and is answered in a
// history (history.h). Every read that it is given is checked against payload.h as well.
//
// *Threads*: one each. *Errors*: Gone when the log does not answer any more.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "engine/log.h"
#include "tests/support/history.h"
#include "tests/support/http.h"

namespace strandline::tests {

class Gone : public std::runtime_error {
 public:
  Gone(const std::string& why, bool may_be_applied)
      : runtime_error(why), may_be_applied(may_be_applied) {}
  const bool may_be_applied;
};

class Client {
 public:
  Client(Recorder& recorder, int number) : recorder_(recorder), number_(number) {}
  virtual ~Client() = default;

  // What is refused without a word on the stream's state was not applied and is not kept.
  void append(const std::string& stream, std::vector<std::string> ids,
              std::optional<uint64_t> expected = {}, std::optional<Move> move = {});
  // To the tail, as far as the client is given it in one answer.
  void read(const std::string& stream, uint64_t from);
  void position(const std::string& stream, const std::string& consumer);

  // The stream's next offset, and the consumer's position, as far as this client has been told.
  uint64_t next(const std::string& stream) const;
  uint64_t stands_at(const std::string& stream, const std::string& consumer) const;
  // What no reader may see: other bytes, a gap, a wrong offset.
  const std::vector<std::string>& wrong() const { return wrong_; }

 protected:
  struct Answer {
    std::optional<Operation::Outcome> outcome;  // none: not applied
    uint64_t number = 0;
  };
  struct Page {
    std::vector<std::string> ids;
    bool to_tail = false;
  };
  // Throw Gone without an answer.
  virtual Answer ask_append(const std::string& stream, const Operation& operation) = 0;
  virtual std::optional<Page> ask_read(const std::string& stream, uint64_t from) = 0;
  virtual uint64_t ask_position(const std::string& stream, const std::string& consumer) = 0;

  std::vector<std::string> wrong_;

 private:
  Recorder& recorder_;
  const int number_;
  std::map<std::string, uint64_t> next_;
  std::map<std::pair<std::string, std::string>, uint64_t> positions_;
};

class LogClient : public Client {
 public:
  LogClient(Log& log, Recorder& recorder, int number) : Client(recorder, number), log_(log) {}

 private:
  Answer ask_append(const std::string& stream, const Operation& operation) override;
  std::optional<Page> ask_read(const std::string& stream, uint64_t from) override;
  uint64_t ask_position(const std::string& stream, const std::string& consumer) override;

  Log& log_;
};

class ServerClient : public Client {
 public:
  ServerClient(const Address& address, Recorder& recorder, int number)
      : Client(recorder, number), http_(address) {}

 private:
  Answer ask_append(const std::string& stream, const Operation& operation) override;
  std::optional<Page> ask_read(const std::string& stream, uint64_t from) override;
  uint64_t ask_position(const std::string& stream, const std::string& consumer) override;
  Response ask(const std::string& method, const std::string& target, const std::string& body = {});

  HttpClient http_;
};

}  // namespace strandline::tests
