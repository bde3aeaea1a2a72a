#include "engine/format/consumer_record.h"

#include "engine/format/keys.h"

namespace strandline {
namespace {

constexpr uint8_t kDefinitionVersion = 1;

void put_text(std::string& out, std::string_view text) {
  put_le<uint32_t>(out, static_cast<uint32_t>(text.size()));
  out += text;
}

void put_texts(std::string& out, const std::vector<std::string>& texts) {
  put_le<uint32_t>(out, static_cast<uint32_t>(texts.size()));
  for (const std::string& text : texts) put_text(out, text);
}

// Takes fields off the front; once one is not there, `whole` says so.
struct Fields {
  std::string_view bytes;
  bool whole = true;

  template <class T>
  T number() {
    if (bytes.size() < sizeof(T)) {
      whole = false;
      return 0;
    }
    const T n = get_le<T>(bytes, 0);
    bytes.remove_prefix(sizeof(T));
    return n;
  }
  std::string text() {
    const auto size = number<uint32_t>();
    if (size > bytes.size()) {
      whole = false;
      return {};
    }
    std::string out(bytes.substr(0, size));
    bytes.remove_prefix(size);
    return out;
  }
  std::vector<std::string> texts() {
    std::vector<std::string> out;
    for (auto left = number<uint32_t>(); left > 0 && whole; --left) out.push_back(text());
    return out;
  }
};

}  // namespace

std::string consumer_key(std::string_view name) {
  return std::string(1, static_cast<char>(ConsumerKey::definition)).append(name);
}
std::string consumer_key(ConsumerKey kind, uint64_t id) {
  std::string out(1, static_cast<char>(kind));
  put_be64(out, id);
  return out;
}
std::string consumer_key(ConsumerKey kind, uint64_t id, uint64_t number) {
  std::string out = consumer_key(kind, id);
  put_be64(out, number);
  return out;
}

std::string encode(const DefinitionRecord& record) {
  const ConsumerSettings& settings = record.settings;
  std::string out;
  put_le<uint8_t>(out, kDefinitionVersion);
  put_le<uint8_t>(out, static_cast<uint8_t>(settings.mode));
  put_le<uint8_t>(out, static_cast<uint8_t>(settings.select.kind));
  put_le<uint8_t>(out, settings.retain ? 1 : 0);
  put_le<uint32_t>(out, settings.attempts());
  put_le<uint64_t>(out, record.id);
  put_le<int64_t>(out, record.created.us);
  put_le<uint64_t>(out, settings.ack_deadline_ms);
  put_le<uint64_t>(out, settings.unacked_max);
  put_texts(out, settings.select.names);
  put_texts(out, settings.types);
  put_texts(out, settings.subjects);
  put_text(out, settings.key);
  put_text(out, settings.dead_letters);
  put_le<uint8_t>(out, static_cast<uint8_t>(settings.start.kind));
  put_le<uint64_t>(out, settings.start.number);
  put_le<int64_t>(out, settings.start.moment.us);
  return out;
}

bool decode(std::string_view bytes, DefinitionRecord& record) {
  Fields fields{bytes};
  ConsumerSettings& settings = record.settings;
  if (fields.number<uint8_t>() != kDefinitionVersion) return false;
  const auto mode = fields.number<uint8_t>();
  const auto kind = fields.number<uint8_t>();
  if (mode > static_cast<uint8_t>(ConsumerSettings::Mode::keyed) ||
      kind > static_cast<uint8_t>(Selection::Kind::all)) {
    return false;
  }
  settings.mode = static_cast<ConsumerSettings::Mode>(mode);
  settings.select.kind = static_cast<Selection::Kind>(kind);
  settings.retain = fields.number<uint8_t>() != 0;
  settings.attempts_max = fields.number<uint32_t>();
  record.id = fields.number<uint64_t>();
  record.created.us = fields.number<int64_t>();
  settings.ack_deadline_ms = fields.number<uint64_t>();
  settings.unacked_max = fields.number<uint64_t>();
  settings.select.names = fields.texts();
  settings.types = fields.texts();
  settings.subjects = fields.texts();
  settings.key = fields.text();
  settings.dead_letters = fields.text();
  // Builds that gave exclusive consumers no dead letters wrote the default of groups.
  if (!settings.is_consumer_group() && settings.dead_letters.empty()) settings.attempts_max = 0;
  const auto start = fields.number<uint8_t>();
  if (start > static_cast<uint8_t>(From::Kind::time)) return false;
  settings.start.kind = static_cast<From::Kind>(start);
  settings.start.number = fields.number<uint64_t>();
  settings.start.moment.us = fields.number<int64_t>();
  return fields.whole && fields.bytes.empty();
}

std::string encode(const ConsumerState& state) {
  std::string out;
  put_le(out, state.epoch);
  put_le(out, state.fence);
  put_le(out, state.next);
  if (state.attempts == 0) return out;
  put_le(out, state.tried);
  put_le(out, state.attempts);
  put_le(out, state.tried_epoch);
  return out;
}

bool decode(std::string_view bytes, ConsumerState& state) {
  if (bytes.size() != 24 && bytes.size() != 48) return false;
  state = {get_le<uint64_t>(bytes, 0), get_le<uint64_t>(bytes, 8), get_le<uint64_t>(bytes, 16)};
  if (bytes.size() == 24) return true;
  state.tried = get_le<uint64_t>(bytes, 24);
  state.attempts = get_le<uint64_t>(bytes, 32);
  state.tried_epoch = get_le<uint64_t>(bytes, 40);
  return true;
}

}  // namespace strandline
