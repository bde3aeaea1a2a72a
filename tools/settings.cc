#include "tools/settings.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <vector>

// Errors as values, like everywhere else here.
#define TOML_EXCEPTIONS 0
// Its assertions hold of well-formed text only: "[" and a control character ends the program. (Not
// by NDEBUG, which would have the compiler assume them.)
#define TOML_ASSERT(expression) static_cast<void>(0)
#include <toml++/toml.h>

#include "engine/check.h"
#include "engine/options.h"
#include "server/server.h"

namespace strandline::tools {
namespace {

using Kind = SettingKey::Kind;

constexpr char kServerDefault[] = "http://127.0.0.1:7070";
constexpr char kFileDefault[] = "strandline.toml";

std::string variable_of(std::string_view name) {
  std::string variable = "STRANDLINE_";
  for (char c : name) variable += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return variable;
}

std::string flag_of(std::string_view name) {
  std::string flag = "--";
  for (char c : name) flag += c == '_' ? '-' : c;
  return flag;
}

std::optional<std::string> normal_truth(std::string_view text) {
  if (text == "true" || text == "1" || text == "yes" || text == "on") return "true";
  if (text == "false" || text == "0" || text == "no" || text == "off") return "false";
  return std::nullopt;
}

// As TOML has a string on one line.
std::string toml_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out + "\"";
}

// The keys of a table, for a message.
std::string names_of(std::string_view table) {
  std::string names;
  for (const SettingKey& key : Settings::keys()) {
    if (key.table == table) names += (names.empty() ? "" : ", ") + std::string(key.name);
  }
  return names;
}

}  // namespace

std::span<const SettingKey> Settings::keys() {
  static const Options engine;
  static const server::ServerOptions server;
  static const std::vector<SettingKey> keys = {
      {"serve", "data", Kind::text, "./data", "the log's directory; created if it is missing"},
      {"serve", "listen", Kind::text, server.listen, "HOST:PORT; port 0 takes any free one"},
      {"serve", "threads", Kind::number, "0", "of the server; 0: one per core"},
      {"serve", "authorities", Kind::text, "",
       "names, with commas between, by which clients may ask for this server (their Host), each "
       "HOST or HOST:PORT; addresses and localhost always may. None: on a loopback address no "
       "other name, elsewhere any"},
      {"serve", "connections_max", Kind::number, std::to_string(server.connections_max),
       "open connections; past it, 503"},
      {"serve", "log_level", Kind::text, "info", "trace, debug, info, warn, error or off"},
      {"serve", "log_json", Kind::truth, "false", "log lines as JSON objects"},
      {"serve", "create_streams_on_append", Kind::truth, "true",
       "an append to a stream that does not exist creates it"},
      {"serve", "segment_bytes_max", Kind::number, std::to_string(engine.segment_bytes_max),
       "bytes at which a segment is sealed and the next begun"},
      {"serve", "segment_age_max_s", Kind::number, std::to_string(engine.segment_age_max_s),
       "seconds after which a segment is sealed"},
      {"serve", "window_bytes", Kind::number, std::to_string(engine.window_bytes),
       "of the newest batches, kept in memory for readers near the tail"},
      {"serve", "block_cache_bytes", Kind::number, std::to_string(engine.block_cache_bytes),
       "of memory for readers of history"},
      {"serve", "accepted_sync_interval_ms", Kind::number,
       std::to_string(engine.accepted_sync_interval_ms),
       "milliseconds that an append with durability `accepted` may wait for its fsync"},
      {"serve", "disk_reserve_bytes", Kind::number, std::to_string(engine.disk_reserve_bytes),
       "of free disk space under which appends are refused"},
      {"client", "server", Kind::text, "", "the server's URL (default http://127.0.0.1:7070)"},
      {"client", "data", Kind::text, "", "a log's directory, opened without a server"},
  };
  return keys;
}

std::optional<uint64_t> parse_size(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  const std::string_view suffix(end, text.data() + text.size() - end);
  int shift = 0;
  if (suffix == "K") {
    shift = 10;
  } else if (suffix == "M") {
    shift = 20;
  } else if (suffix == "G") {
    shift = 30;
  } else if (!suffix.empty()) {
    return std::nullopt;
  }
  if (number > (UINT64_MAX >> shift)) return std::nullopt;
  return number << shift;
}

void Settings::flag(const SettingKey& key, std::string value) {
  // Checked in load(), with the rest.
  values_[&key] = {std::move(value), Origin::flag, "flag " + flag_of(key.name)};
}

Status Settings::set(const SettingKey& key, std::string text, Origin origin, std::string place) {
  Value& value = values_[&key];
  if (value.origin <= origin) value = {std::move(text), origin, std::move(place)};
  if (value.origin != origin) return {};
  if (key.kind == Kind::number) {
    const auto number = parse_size(value.text);
    if (!number) {
      return fail(Code::invalid,
                  fmt::format("{} ({}): \"{}\" is not a number (such as 4096 or 64M)", key.name,
                              value.place, value.text));
    }
    value.text = std::to_string(*number);
  } else if (key.kind == Kind::truth) {
    const auto truth = normal_truth(value.text);
    if (!truth) {
      return fail(Code::invalid, fmt::format("{} ({}): \"{}\" is neither true nor false", key.name,
                                             value.place, value.text));
    }
    value.text = *truth;
  }
  return {};
}

Status Settings::load(const std::string& config) {
  for (const SettingKey& key : keys()) {
    if (auto it = values_.find(&key); it != values_.end()) {  // a flag
      if (auto set_flag = set(key, it->second.text, Origin::flag, it->second.place); !set_flag) {
        return set_flag;
      }
    } else {
      values_[&key] = {key.fallback, Origin::built_in, "default"};
    }
    const std::string variable = variable_of(key.name);
    if (const char* text = std::getenv(variable.c_str()); text && *text) {
      if (auto done = set(key, text, Origin::environment, "environment " + variable); !done) {
        return done;
      }
    }
  }
  if (!config.empty()) return load_file(config);
  if (const char* path = std::getenv("STRANDLINE_CONFIG"); path && *path) return load_file(path);
  std::error_code error;
  if (std::filesystem::exists(kFileDefault, error)) return load_file(kFileDefault);
  return {};
}

Status Settings::load_file(const std::string& path) {
  const toml::parse_result parsed = toml::parse_file(path);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    const auto line = error.source().begin.line;  // 0: there is none, it is no file
    return fail(Code::invalid, fmt::format("{}{}: {}", path, line ? ":" + std::to_string(line) : "",
                                           std::string_view(error.description())));
  }
  for (const auto& [table_key, table_node] : parsed.table()) {
    const std::string_view table = table_key.str();
    const uint32_t line = table_node.source().begin.line;
    if (table != "serve" && table != "client") {
      return fail(Code::invalid,
                  fmt::format("{}:{}: unknown \"{}\"; there are the tables [serve] ({}) "
                              "and [client] ({})",
                              path, line, table, names_of("serve"), names_of("client")));
    }
    if (!table_node.is_table()) {
      return fail(Code::invalid,
                  fmt::format("{}:{}: {} is a table: [{}]", path, line, table, table));
    }
    for (const auto& [name_key, node] : *table_node.as_table()) {
      const std::string_view name = name_key.str();
      const std::string place = fmt::format("{}:{}", path, node.source().begin.line);
      const SettingKey* found = nullptr;
      for (const SettingKey& key : keys()) {
        if (key.table == table && key.name == name) found = &key;
      }
      if (!found) {
        return fail(Code::invalid, fmt::format("{}: unknown key \"{}\" in [{}]; allowed are {}",
                                               place, name, table, names_of(table)));
      }
      std::string text;
      if (const auto* string = node.as_string()) {
        text = string->get();
      } else if (const auto* integer = node.as_integer()) {
        text = std::to_string(integer->get());
      } else if (const auto* boolean = node.as_boolean()) {
        text = boolean->get() ? "true" : "false";
      } else {
        return fail(Code::invalid,
                    fmt::format("{}: {} must be a string, an integer or a boolean", place, name));
      }
      if (auto done = set(*found, std::move(text), Origin::file, place); !done) return done;
    }
  }
  return {};
}

const Settings::Value& Settings::value(std::string_view table, std::string_view name) const {
  for (const auto& [key, value] : values_) {
    if (key->table == table && key->name == name) return value;
  }
  CHECK_EQ(name, "a setting that exists");
  std::abort();
}

const std::string& Settings::text(std::string_view table, std::string_view name) const {
  return value(table, name).text;
}

uint64_t Settings::number(std::string_view table, std::string_view name) const {
  return parse_size(value(table, name).text).value_or(0);  // set() has checked it
}

bool Settings::truth(std::string_view table, std::string_view name) const {
  return value(table, name).text == "true";
}

Result<Settings::Target> Settings::target() const {
  const Value& server = value("client", "server");
  const Value& data = value("client", "data");
  if (server.origin == data.origin) {
    if (server.origin == Origin::built_in) return Target{kServerDefault, ""};
    return fail(Code::invalid, fmt::format("{} and {}: one of the two, a server or a directory",
                                           server.place, data.place));
  }
  if (server.origin > data.origin) return Target{server.text, ""};
  return Target{"", data.text};
}

std::string Settings::render(std::string_view table) const {
  std::string out = fmt::format("[{}]\n", table);
  for (const SettingKey& key : keys()) {
    if (key.table != table) continue;
    const Value& value = values_.at(&key);
    std::string text = value.text;
    if (key.kind == Kind::text) {
      text = toml_text(text);
    }
    out += fmt::format("{:<44} # {}\n", fmt::format("{} = {}", key.name, text), value.place);
  }
  return out;
}

}  // namespace strandline::tools
