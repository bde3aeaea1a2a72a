// Who administers a log, and the stream in which the log writes it down.
//
// What changes more than events (streams created, truncated and deleted, segments dropped, keys,
// consumers) is an *administrative act*. Where Options::record_administration says so, the log
// appends an event of it to `$admin`, in the same commit as the act: neither is there without the
// other. Nobody else appends there, and nobody truncates or deletes the stream, because names that
// begin with `$` are refused. *Memory*: values.
#pragma once

#include <string>
#include <string_view>

namespace strandline {

inline constexpr std::string_view kAdminStream = "$admin";

struct Actor {
  // What `name` is: of an API key, what a token says of whom it was made for, an account of the
  // operating system, or an address that shows no key; or who an embedding program says.
  enum class Kind { program, key, token, account, address };
  Kind kind = Kind::program;
  std::string name = {};
  std::string from = {};  // the address that a request came from; empty where none did

  bool is_named() const { return !name.empty(); }
};
const char* name_of(Actor::Kind kind);

// An event of `$admin`: what was done, to what, and whatever else is to be known.
struct Act {
  std::string type;          // strandline.stream.deleted
  std::string subject = {};  // the name of what it is about
  std::string details = {};  // members of a JSON object, each with a comma before it
  std::string outcome = "done";
};

// A JSON string literal. What is not UTF-8 in it becomes question marks.
std::string json_literal(std::string_view text);

}  // namespace strandline
