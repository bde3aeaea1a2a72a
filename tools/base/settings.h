// What is configured, and where each value came from: flags over environment over a TOML file over
// what is built in.
//
// A setting has a table and a name: `data` of [serve] is the flag --data of `strandline serve`, the
// variable STRANDLINE_DATA, and the key `data` under [serve] in the file. The file is the one named
// by --config or STRANDLINE_CONFIG, or ./strandline.toml where there is one. *Errors*: a key that
// no setting has is `invalid` and the message lists those that exist; so is a value of the wrong
// kind, or outside its range. Numbers, sizes ("64MiB") and durations ("24h") are
// server/http/quantity.h's; in the file, sizes and durations are strings, and a size may be an
// integer, of bytes.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "engine/api/error.h"
#include "tools/base/setting_key.h"
#include "tools/base/url.h"

namespace strandline::tools {

class Settings {
 public:
  static std::span<const SettingKey> keys();

  // From the command line, before load().
  void flag(const SettingKey& key, std::string value);
  // The environment, then the file: `config` where it was named, else as above.
  Status load(const std::string& config);

  // Of a key that exists, once loaded.
  const std::string& text(std::string_view table, std::string_view name) const;
  uint64_t number(std::string_view table, std::string_view name) const;
  uint64_t bytes(std::string_view table, std::string_view name) const;
  std::chrono::milliseconds duration(std::string_view table, std::string_view name) const;
  bool truth(std::string_view table, std::string_view name) const;

  // What the client commands talk to: a server's URL, or a log's directory.
  struct Target {
    std::string server;  // one of the two is empty
    std::string data;
    TlsTrust trust = {};  // of a server
  };
  // `invalid` if the nearest place that names one names both.
  Result<Target> target() const;

  // The values in force, as a file that could be read again, with a comment on where each came
  // from.
  std::string render(std::string_view table) const;

 private:
  // In the order of precedence.
  enum class Origin { built_in, file, environment, flag };
  struct Value {
    std::string text;
    Origin origin = Origin::built_in;
    std::string place;  // "flag --data"
  };
  const Value& value(std::string_view table, std::string_view name) const;
  Status set(const SettingKey& key, std::string text, Origin origin, std::string place);
  Status load_file(const std::string& path);

  std::map<const SettingKey*, Value> values_;
};

}  // namespace strandline::tools
