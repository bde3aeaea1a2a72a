#include "server/live/channel_rules.h"

#include <algorithm>

#include "engine/api/types.h"

namespace strandline::server {
namespace {

struct RuleWord {
  std::string_view word;
  bool ChannelRule::*place;
};
constexpr RuleWord kRuleWords[] = {
    {"ephemeral", &ChannelRule::ephemeral},
    {"client-events", &ChannelRule::client_events},
    {"open", &ChannelRule::open},
    {"counts", &ChannelRule::counts},
};

std::string_view take_up_to(std::string_view& text, char end) {
  const size_t at = text.find(end);
  const std::string_view part = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
  return part;
}

// A name, and whether it is a beginning.
std::expected<std::pair<std::string, bool>, std::string> read_pattern(std::string_view text) {
  std::string name;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool last = i + 1 == text.size();
    if (text[i] == '*') {
      if (!last) return std::unexpected("a `*` stands at the end; one of a name is written \\*");
      return std::pair(std::move(name), true);
    }
    if (text[i] == '\\' && !last && (text[i + 1] == '*' || text[i + 1] == '\\')) ++i;
    name += text[i];
  }
  return std::pair(std::move(name), false);
}

}  // namespace

std::expected<ChannelRules, std::string> ChannelRules::parse(std::string_view text) {
  ChannelRules rules;
  while (!text.empty()) {
    std::string_view one = take_up_to(text, ',');
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    const size_t equals = one.rfind('=');
    if (equals == std::string_view::npos || equals == 0) {
      return std::unexpected("\"" + std::string(one) +
                             "\" is no rule for channels: PATTERN=WORD+WORD, such as "
                             "cursors-*=ephemeral");
    }
    auto pattern = read_pattern(one.substr(0, equals));
    if (!pattern) return std::unexpected(std::move(pattern.error()));
    Entry entry{std::move(pattern->first), pattern->second, {}};
    for (std::string_view words = one.substr(equals + 1); !words.empty();) {
      const std::string_view word = take_up_to(words, '+');
      const auto known = std::ranges::find(kRuleWords, word, &RuleWord::word);
      if (known == std::end(kRuleWords)) {
        return std::unexpected("\"" + std::string(word) +
                               "\" is none of ephemeral, client-events, open and counts");
      }
      entry.rule.*(known->place) = true;
    }
    rules.entries_.push_back(std::move(entry));
  }
  std::ranges::stable_sort(rules.entries_, [](const Entry& a, const Entry& b) {
    return a.name.size() + (a.prefix ? 0 : 1) > b.name.size() + (b.prefix ? 0 : 1);
  });
  return rules;
}

const ChannelRule& ChannelRules::of(std::string_view channel) const {
  static constexpr ChannelRule kUsual;
  for (const Entry& entry : entries_) {
    if (entry.prefix ? channel.starts_with(entry.name) : channel == entry.name) return entry.rule;
  }
  return kUsual;
}

std::vector<std::string> ChannelRules::durable_beginnings() const {
  std::vector<std::string> beginnings;
  for (const Entry& entry : entries_) {
    if (entry.prefix && !entry.name.empty() && !entry.rule.ephemeral) {
      beginnings.push_back(entry.name);
    }
  }
  return beginnings;
}

std::expected<Selection, std::string> parse_channel(std::string_view text) {
  if (text == kAllName) return Selection::all();
  auto pattern = read_pattern(text);
  if (!pattern) return std::unexpected(std::move(pattern.error()));
  if (!pattern->second) return Selection::stream(std::move(pattern->first));
  if (pattern->first.empty()) return std::unexpected("everything is the channel $all");
  return Selection::prefix(std::move(pattern->first));
}

std::string channel_text(std::string_view stream) {
  std::string text;
  text.reserve(stream.size());
  for (const char c : stream) {
    if (c == '*' || c == '\\') text += '\\';
    text += c;
  }
  return text;
}

std::string channel_text(const Selection& select) {
  if (select.kind == Selection::Kind::all) return kAllName;
  std::string text = channel_text(select.names[0]);
  if (select.kind == Selection::Kind::prefix) text += '*';
  return text;
}

}  // namespace strandline::server
