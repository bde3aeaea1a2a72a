// A client of a log, of the engine's or over HTTP, that keeps what it asks and is answered in a
// history (history.h). Every read that it is given is checked against payload.h as well, and an
// answer that no history can hold is a complaint: a refused read of what this client was told is
// there breaks the promise as much as a wrong one.
//
// *Threads*: one each. *Errors*: Gone when the log does not answer any more.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "engine/log.h"
#include "tests/support/http/http.h"
#include "tests/support/log/history.h"

namespace strandline::tests {

class Gone : public std::runtime_error {
 public:
  Gone(const std::string& why, bool may_be_applied)
      : runtime_error(why), may_be_applied(may_be_applied) {}
  const bool may_be_applied;
};

class Client {
 public:
  // `failing`: the log may fail, or be killed, while this client asks. Otherwise that is a
  // complaint like any other.
  Client(Recorder& recorder, int number, bool failing)
      : failing_(failing), recorder_(recorder), number_(number) {}
  virtual ~Client() = default;

  void append(const std::string& stream, std::vector<std::string> ids,
              std::optional<uint64_t> expected = {}, std::optional<Move> move = {});
  // To the tail, as far as the client is given it in one answer.
  void read(const std::string& stream, uint64_t from);
  void position(const std::string& stream, const std::string& consumer);

  // The stream's next offset, and the consumer's position, as far as this client has been told.
  uint64_t next(const std::string& stream) const;
  uint64_t stands_at(const std::string& stream, const std::string& consumer) const;
  // What no client may be told: other bytes, a gap, a wrong offset, an error that nothing explains.
  const std::vector<std::string>& wrong() const { return wrong_; }

 protected:
  struct Answer {
    Operation::Outcome outcome;
    uint64_t number = 0;
  };
  struct Page {
    std::vector<std::string> ids;
    bool to_tail = false;
  };
  // Throw Gone without an answer; nothing, and a complaint, for one that has no place in a history.
  virtual std::optional<Answer> ask_append(const std::string& stream,
                                           const Operation& operation) = 0;
  virtual std::optional<Page> ask_read(const std::string& stream, uint64_t from) = 0;
  virtual std::optional<uint64_t> ask_position(const std::string& stream,
                                               const std::string& consumer) = 0;

  const bool failing_;
  std::vector<std::string> wrong_;

 private:
  Recorder& recorder_;
  const int number_;
  std::map<std::string, uint64_t> next_;
  std::map<std::pair<std::string, std::string>, uint64_t> positions_;
};

class LogClient : public Client {
 public:
  LogClient(Log& log, Recorder& recorder, int number, bool failing = false)
      : Client(recorder, number, failing), log_(log) {}

 private:
  std::optional<Answer> ask_append(const std::string& stream, const Operation& operation) override;
  std::optional<Page> ask_read(const std::string& stream, uint64_t from) override;
  std::optional<uint64_t> ask_position(const std::string& stream,
                                       const std::string& consumer) override;

  Log& log_;
};

class ServerClient : public Client {
 public:
  ServerClient(const Address& address, Recorder& recorder, int number, bool failing = false)
      : Client(recorder, number, failing), http_(address) {}

 private:
  std::optional<Answer> ask_append(const std::string& stream, const Operation& operation) override;
  std::optional<Page> ask_read(const std::string& stream, uint64_t from) override;
  std::optional<uint64_t> ask_position(const std::string& stream,
                                       const std::string& consumer) override;
  Response ask(const std::string& method, const std::string& target, const std::string& body = {});

  HttpClient http_;
};

}  // namespace strandline::tests
