// One event, brought to a log through every door that there is, so that a rule about events can be
// asked of all of them at once.
//
// The doors of a server, each with a stream of its own: JSON alone and in an array, NDJSON,
// CloudEvents structured and in a batch, binary mode, a FlatBuffer, /v1/append in both forms,
// /v1/broadcast, and the command line's append and import with --server. Without one: both with
// --data, and the embedded engine. What is sent is put together here, and not by the code that is
// asked. *Threads*: one.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/api/batch.h"
#include "tests/support/http/http.h"
#include "tests/support/log/directory.h"
#include "tests/support/process/server_process.h"

namespace strandline::tests {

class Doors {
 public:
  struct Answer {
    bool taken = false;
    std::string why = {};  // it was not
  };

  // Of the server that runs, and beside it a directory for the doors that need one.
  Doors(ServerProcess& server, TemporaryDirectory& directory);

  // Brings the event in everywhere; by door, in a stream called as the door is. Binary mode knows
  // no kinds of attributes, and no JSON without saying so: its event has a content type.
  std::map<std::string, Answer> bring(const NewEvent& event);
  // As JSON, with members that no NewEvent has: through the doors that take JSON.
  std::map<std::string, Answer> bring_json(const std::string& members);

  // Where the doors without a server append, by door.
  std::filesystem::path data(const std::string& door) const;

 private:
  using Answers = std::map<std::string, Answer>;
  void bring_flatbuffer(const NewEvent& event, Answers& answers);
  void bring_binary(const NewEvent& event, Answers& answers);
  void bring_embedded(const NewEvent& event, Answers& answers);
  void post(const std::string& door, const std::string& target, const std::string& body,
            const Headers& headers, Answers& answers);

  ServerProcess& server_;
  TemporaryDirectory& directory_;
  HttpClient client_;
  int files_ = 0;
};

// The event's members, without the braces around them.
std::string members_of(const NewEvent& event);

}  // namespace strandline::tests
