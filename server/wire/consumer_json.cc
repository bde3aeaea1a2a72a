#include "server/wire/consumer_json.h"

#include "engine/api/rfc3339.h"
#include "server/http/response.h"
#include "server/json/json_fields.h"
#include "server/json/json_writer.h"
#include "server/wire/cloudevents.h"

namespace strandline::server {
namespace {

using Mode = ConsumerSettings::Mode;

Parsed<Selection> read_selection(JsonFields& fields) {
  const auto stream = fields.string("stream");
  if (!stream) return std::unexpected(stream.error());
  auto streams = fields.strings("streams");
  if (!streams) return std::unexpected(streams.error());
  const auto prefix = fields.string("prefix");
  if (!prefix) return std::unexpected(prefix.error());
  if ((*stream ? 1 : 0) + (*streams ? 1 : 0) + (*prefix ? 1 : 0) > 1) {
    return std::unexpected("a consumer reads a \"stream\", \"streams\" or a \"prefix\"");
  }
  if (*stream) {
    return **stream == kAllName ? Selection::all() : Selection::stream(std::string(**stream));
  }
  if (*streams) {
    if ((*streams)->empty()) return std::unexpected("\"streams\" names no stream");
    return Selection::list(std::move(**streams));
  }
  if (*prefix && !(*prefix)->empty()) return Selection::prefix(std::string(**prefix));
  return Selection::all();
}

Parsed<From> read_start(JsonFields& fields) {
  const JsonValue* value = fields.find("from");
  if (!value) return From::earliest();
  if (const auto position = json_integer(*value)) return From::position(*position);
  const auto text = fields.string("from");
  if (!text) return std::unexpected(text.error());
  return parse_from(std::string(**text));
}

// Reads a number, if it is there, into where its default stands.
template <class T>
Parsed<> read_into(const JsonFields& fields, std::string_view name, T& into) {
  const auto number = fields.number(name);
  if (!number) return std::unexpected(number.error());
  if (!*number) return {};
  if (**number > std::numeric_limits<T>::max()) {
    return std::unexpected("\"" + std::string(name) + "\" is too large");
  }
  into = static_cast<T>(**number);
  return {};
}

// The same of one that has no default.
template <class T>
Parsed<> read_maybe(const JsonFields& fields, std::string_view name, std::optional<T>& into) {
  if (!fields.find(name)) return {};
  return read_into(fields, name, into.emplace());
}

void append_texts(std::string& out, const std::vector<std::string>& texts) {
  out += '[';
  for (const std::string& text : texts) {
    if (&text != texts.data()) out += ',';
    render_string(out, text);
  }
  out += ']';
}

// The members, each with a comma before it.
void append_settings(std::string& out, const ConsumerSettings& settings) {
  const auto number = [&](std::string_view name, uint64_t value) {
    out += ",\"" + std::string(name) + "\":";
    append_number(out, value);
  };
  const auto text = [&](std::string_view name, std::string_view value) {
    out += ",\"" + std::string(name) + "\":";
    render_string(out, value);
  };
  const Selection& select = settings.select;
  switch (select.kind) {
    case Selection::Kind::stream:
      text("stream", select.names.at(0));
      break;
    case Selection::Kind::list:
      out += ",\"streams\":";
      append_texts(out, select.names);
      break;
    case Selection::Kind::prefix:
      text("prefix", select.names.at(0));
      break;
    case Selection::Kind::all:
      text("stream", kAllName);
      break;
  }
  out += ",\"types\":";
  append_texts(out, settings.types);
  out += ",\"subjects\":";
  append_texts(out, settings.subjects);
  text("from", render_from(settings.start));
  out += settings.retain ? ",\"retain\":true" : ",\"retain\":false";
  number("max_attempts", settings.attempts());
  if (!settings.dead_letters.empty()) text("dead_letters", settings.dead_letters);
  // What does not go with its mode is for who reads this to refuse.
  const ConsumerSettings fresh;
  const bool group = settings.is_consumer_group();
  if (settings.mode == Mode::keyed || !settings.key.empty()) {
    text("key", settings.key.empty() ? "subject" : settings.key);
  }
  if (group || settings.ack_deadline_ms != fresh.ack_deadline_ms) {
    number("ack_deadline_ms", settings.ack_deadline_ms);
  }
  if (group || settings.unacked_max != fresh.unacked_max) {
    number("unacked_max", settings.unacked_max);
  }
}

}  // namespace

Parsed<Mode> parse_consumer_mode(std::string_view text) {
  for (const Mode mode : {Mode::exclusive, Mode::shared, Mode::keyed}) {
    if (text == name_of(mode)) return mode;
  }
  return std::unexpected("a consumer's mode is exclusive, shared or keyed, not \"" +
                         std::string(text.substr(0, 64)) + "\"");
}

Parsed<ConsumerSettings> read_consumer_settings(std::string_view json) {
  auto fields = JsonFields::parse(
      json, {"mode", "stream", "streams", "prefix", "types", "subjects", "from", "retain", "key",
             "ack_deadline_ms", "max_attempts", "unacked_max", "dead_letters"});
  if (!fields) return std::unexpected(fields.error());
  ConsumerSettings settings;
  const auto mode = fields->string("mode");
  if (!mode) return std::unexpected(mode.error());
  if (*mode) {
    const auto known = parse_consumer_mode(**mode);
    if (!known) return std::unexpected(known.error());
    settings.mode = *known;
  }
  auto select = read_selection(*fields);
  if (!select) return std::unexpected(select.error());
  settings.select = std::move(*select);
  auto types = fields->strings("types");
  if (!types) return std::unexpected(types.error());
  if (*types) settings.types = std::move(**types);
  auto subjects = fields->strings("subjects");
  if (!subjects) return std::unexpected(subjects.error());
  if (*subjects) settings.subjects = std::move(**subjects);
  auto start = read_start(*fields);
  if (!start) return std::unexpected(start.error());
  settings.start = *start;
  const auto retain = fields->boolean("retain");
  if (!retain) return std::unexpected(retain.error());
  settings.retain = retain->value_or(false);

  for (const char* name : {"key", "ack_deadline_ms", "unacked_max"}) {
    if (settings.is_consumer_group() || !fields->find(name)) continue;
    return std::unexpected("an exclusive consumer has no \"" + std::string(name) +
                           "\": it commits a position, and acks nothing");
  }
  const auto key = fields->string("key");
  if (!key) return std::unexpected(key.error());
  settings.key = key->value_or("");
  const auto dead_letters = fields->string("dead_letters");
  if (!dead_letters) return std::unexpected(dead_letters.error());
  settings.dead_letters = dead_letters->value_or("");
  if (auto ok = read_into(*fields, "ack_deadline_ms", settings.ack_deadline_ms); !ok) {
    return std::unexpected(ok.error());
  }
  if (auto ok = read_maybe(*fields, "max_attempts", settings.attempts_max); !ok) {
    return std::unexpected(ok.error());
  }
  if (auto ok = read_into(*fields, "unacked_max", settings.unacked_max); !ok) {
    return std::unexpected(ok.error());
  }
  return settings;
}

Parsed<ConsumerChange> read_consumer_change(std::string_view json) {
  auto fields = JsonFields::parse(
      json, {"mode", "stream", "streams", "prefix", "types", "subjects", "from", "retain", "key",
             "ack_deadline_ms", "max_attempts", "unacked_max", "dead_letters"});
  if (!fields) return std::unexpected(fields.error());
  for (const char* name : {"mode", "stream", "streams", "prefix", "types", "subjects", "from",
                           "key", "dead_letters"}) {
    if (!fields->find(name)) continue;
    return std::unexpected("a consumer's \"" + std::string(name) +
                           "\" never changes: delete it and create it anew, or take another name");
  }
  ConsumerChange change;
  Parsed<> read = read_maybe(*fields, "ack_deadline_ms", change.ack_deadline_ms);
  if (read) read = read_maybe(*fields, "max_attempts", change.attempts_max);
  if (read) read = read_maybe(*fields, "unacked_max", change.unacked_max);
  if (!read) return std::unexpected(read.error());
  const auto retain = fields->boolean("retain");
  if (!retain) return std::unexpected(retain.error());
  change.retain = *retain;
  if (!change.ack_deadline_ms && !change.attempts_max && !change.unacked_max && !change.retain) {
    return std::unexpected(
        "there is nothing to change: it has \"ack_deadline_ms\", \"max_attempts\", \"unacked_max\" "
        "or \"retain\"");
  }
  return change;
}

void render_consumer_change(std::string& out, const ConsumerChange& change) {
  const auto add = [&](std::string_view name, const std::string& value) {
    out += (out.empty() ? "{\"" : ",\"") + std::string(name) + "\":" + value;
  };
  if (change.ack_deadline_ms) add("ack_deadline_ms", std::to_string(*change.ack_deadline_ms));
  if (change.attempts_max) add("max_attempts", std::to_string(*change.attempts_max));
  if (change.unacked_max) add("unacked_max", std::to_string(*change.unacked_max));
  if (change.retain) add("retain", *change.retain ? "true" : "false");
  out += out.empty() ? "{}" : "}";
}

void render_consumer_settings(std::string& out, const ConsumerSettings& settings) {
  out += "{\"mode\":\"";
  out += name_of(settings.mode);
  out += '"';
  append_settings(out, settings);
  out += '}';
}

void render_consumer(std::string& out, const ConsumerInfo& info) {
  out += "{\"consumer\":";
  render_string(out, info.name);
  out += ",\"mode\":\"";
  out += name_of(info.settings.mode);
  out += '"';
  append_settings(out, info.settings);
  out += ",\"created\":\"" + render_time(info.created) + '"';
  const auto number = [&](std::string_view name, uint64_t value) {
    out += ",\"" + std::string(name) + "\":";
    append_number(out, value);
  };
  number("epoch", info.epoch);
  number("position", info.position);
  number("next", info.next);
  number("start", info.available.start);
  number("tail", info.available.tail);
  number("lag", info.lag);
  number("unacked", info.unacked);
  number("pending", info.pending);
  number("in_flight", info.in_flight);
  number("redelivered", info.redelivered);
  number("dead_lettered", info.dead_lettered);
  number("members", info.members);
  out += ",\"oldest_unacked\":";
  out += info.oldest_unacked ? "\"" + render_time(*info.oldest_unacked) + "\"" : "null";
  out += '}';
}

bool same_settings(const ConsumerSettings& asked, const ConsumerInfo& there) {
  ConsumerSettings wanted = asked;
  if (wanted.dead_letters.empty()) {
    wanted.dead_letters.append(kDeadLetterPrefix).append(there.name);
  }
  // What they say is what they are.
  std::string a, b;
  render_consumer_settings(a, wanted);
  render_consumer_settings(b, there.settings);
  return a == b;
}

}  // namespace strandline::server
