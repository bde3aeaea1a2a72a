#include "server/generators/generator_events.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "engine/api/rfc3339.h"
#include "server/json/json_fields.h"
#include "server/json/json_writer.h"

namespace strandline::server {
namespace {

constexpr std::string_view kUsers[] = {"ada", "ben", "chloe", "dev", "emil", "fay", "gus", "hana"};
constexpr std::string_view kPages[] = {"/", "/pricing", "/docs", "/cart", "/account"};

std::string with_message(std::string_view message, std::string_view data) {
  std::string out = "{\"message\":";
  render_string(out, message);
  out += ",\"data\":";
  return out.append(data) + "}";
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

// A wave with a period of so many events, from 0 to 1.
double wave(uint64_t n, double period) {
  return 0.5 + 0.5 * std::sin(6.2831853 * static_cast<double>(n) / period);
}

}  // namespace

std::string EventMaker::uuid() {
  // RFC 9562, version 4.
  const uint64_t high = random_(), low = random_();
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xFFFF,
                     high & 0xFFF, ((low >> 48) & 0x3FFF) | 0x8000, low & 0xFFFFFFFFFFFF);
}

std::string EventMaker::expand(std::string text, uint64_t n, Timestamp now) {
  const std::string number = std::to_string(n);
  replace_all(text, "\"{{n}}\"", number);
  replace_all(text, "{{n}}", number);
  for (const std::string_view what : {"\"{{random}}\"", "{{random}}"}) {
    for (size_t at = text.find(what); at != text.npos; at = text.find(what)) {
      text.replace(at, what.size(), std::to_string(below(100)));
    }
  }
  replace_all(text, "{{time}}", render_time(now));
  for (size_t at = text.find("{{uuid}}"); at != text.npos; at = text.find("{{uuid}}")) {
    text.replace(at, 8, uuid());
  }
  return text;
}

MadeEvent EventMaker::make(const Generator& generator, uint64_t n, Timestamp now) {
  switch (generator.kind) {
    case GeneratorKind::plain:
      return {"heartbeat", with_message(fmt::format("Heartbeat {}", n),
                                        fmt::format(R"({{"n":{},"value":{}}})", n, below(100)))};
    case GeneratorKind::system: {
      const double cpu = 20 + 60 * wave(n, 60) + static_cast<double>(below(100)) / 10;
      const double memory = 40 + 20 * wave(n, 300) + static_cast<double>(below(20)) / 10;
      return {"system_metrics",
              with_message(
                  fmt::format("CPU {:.1f}%, memory {:.1f}%", cpu, memory),
                  fmt::format(R"({{"cpu":{:.1f},"memory":{:.1f},"disk":{:.1f},"requests":{}}})",
                              cpu, memory, 55 + 5 * wave(n, 900),
                              static_cast<uint64_t>(200 * wave(n, 60)) + below(50)))};
    }
    case GeneratorKind::user_activity: {
      constexpr std::string_view kActions[] = {"login",     "page_view", "page_view",
                                               "page_view", "purchase",  "logout"};
      const std::string_view user = kUsers[below(std::size(kUsers))];
      const std::string_view action = kActions[below(std::size(kActions))];
      const std::string_view page = kPages[below(std::size(kPages))];
      return {"user_" + std::string(action),
              with_message(
                  fmt::format("{}: {}", user, action),
                  fmt::format(R"({{"user":"{}","action":"{}","page":"{}"}})", user, action, page))};
    }
    case GeneratorKind::notifications: {
      constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kTexts = {
          {{"info", "A new version is ready"},
           {"success", "The backup is complete"},
           {"warning", "The disk is filling up"},
           {"error", "A payment was refused"}}};
      const auto& [level, text] = kTexts[below(kTexts.size())];
      return {"notification",
              with_message(text, fmt::format(R"({{"level":"{}","n":{}}})", level, n))};
    }
    case GeneratorKind::pattern: {
      const std::string text = expand(generator.pattern, n, now);
      auto fields = JsonFields::parse(text, {"type", "message", "data"});
      if (!fields) return {"generator_error", with_message(fields.error(), "null")};
      const auto type = fields->string("type");
      const auto message = fields->string("message");
      const JsonValue* data = fields->find("data");
      return {std::string(type ? type->value_or("event") : "event"),
              with_message(message ? message->value_or("") : "", data ? data->text : "null")};
    }
  }
  return {};
}

std::expected<void, std::string> check_pattern(std::string_view pattern) {
  constexpr size_t kPatternBytesMax = 16 << 10;
  if (pattern.size() > kPatternBytesMax) {
    return std::unexpected(
        fmt::format("a template of {} bytes: it has at most {}", pattern.size(), kPatternBytesMax));
  }
  auto fields = JsonFields::parse(pattern, {"type", "message", "data"});
  if (!fields) return std::unexpected("a template: " + fields.error());
  const auto type = fields->string("type");
  if (!type) return std::unexpected("a template: " + type.error());
  if (!*type || (*type)->empty()) return std::unexpected("a template has a \"type\"");
  if (const auto message = fields->string("message"); !message) {
    return std::unexpected("a template: " + message.error());
  }
  return {};
}

}  // namespace strandline::server
