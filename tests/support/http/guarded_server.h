// The fixture of the tests of access control: a server whose log has an administrator's key, and
// clients that show one key or another.
#pragma once

#include <concepts>

#include "tests/support/http/server_test.h"

namespace strandline::tests {

inline Headers bearer(const std::string& secret) { return {{"Authorization", "Bearer " + secret}}; }

class GuardedServerTest : public ::testing::Test {
 protected:
  explicit GuardedServerTest(std::vector<std::string> flags = {})
      : server_(directory_ / "data", std::move(flags)), client_(server_.client()) {}
  // `flags`: of a directory in which their files may be made.
  template <std::invocable<const TemporaryDirectory&> Flags>
  explicit GuardedServerTest(Flags flags)
      : server_(directory_ / "data", flags(directory_)), client_(server_.client()) {}

  // Turns access control on: until then the server is open.
  void guard() { admin_ = make_key("admin", "admin"); }
  // Answers its secret.
  std::string make_key(const std::string& name, const std::string& grants,
                       const std::string& more = {}) {
    const Response made =
        ask("POST", "/v1/keys", admin_,
            "{\"key\":\"" + name + "\",\"grants\":\"" + grants + "\"" + more + "}");
    EXPECT_EQ(made.status, 201u) << made.body;
    return made.status == 201 ? made.json()["secret"].str() : "";
  }
  void revoke(const std::string& name) {
    EXPECT_EQ(ask("POST", "/v1/keys/" + name + "/revoke", admin_, "{}").status, 200u);
  }
  // An empty secret: none is shown.
  Response ask(const std::string& method, const std::string& target, const std::string& secret,
               const std::string& body = {}, const std::string& type = "application/json") {
    Headers headers = secret.empty() ? Headers() : bearer(secret);
    if (!body.empty()) headers.emplace_back("Content-Type", type);
    return client_.send(method, target, body, headers);
  }
  Response get(const std::string& target, const std::string& secret) {
    return ask("GET", target, secret);
  }
  // One event whose data is a word.
  void add(const std::string& stream, const std::string& word) {
    const Response added = ask("POST", "/v1/append", admin_,
                               "{\"appends\":[{\"stream\":\"" + stream +
                                   "\",\"events\":[{\"type\":\"t\",\"data\":\"" + word + "\"}]}]}");
    ASSERT_EQ(added.status, 201u) << added.body;
  }
  // All that there is to see of the log.
  std::string state() {
    std::string all;
    for (const char* path :
         {"/v1/streams?limit=1000", "/v1/consumers", "/v1/all/events", "/v1/keys"}) {
      all += get(path, admin_).body;
    }
    return all;
  }

  TemporaryDirectory directory_;
  ServerProcess server_;
  HttpClient client_;
  std::string admin_;
};

}  // namespace strandline::tests
