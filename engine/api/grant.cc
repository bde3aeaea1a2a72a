#include "engine/api/grant.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/api/event_rules.h"
#include "engine/api/types.h"

namespace strandline {
namespace {

constexpr std::array<std::string_view, kActions> kActionNames = {
    "read", "append", "consume", "publish", "subscribe", "presence", "manage", "audit", "admin"};
constexpr std::array<std::string_view, 3> kPrivateRoots = {"$", "private-", "presence-"};

// Whether a name is meant by the pattern of names that begin so. `$all` is nobody's beginning.
bool covers(std::string_view beginning, std::string_view name) {
  return name.starts_with(beginning) && (!is_private_name(name) || is_private_name(beginning)) &&
         name != kAllName;
}

std::string all_actions() {
  std::string names;
  for (const std::string_view name : kActionNames) {
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  return names;
}

// What follows the colon.
std::expected<Grant, std::string> parse_pattern(std::string_view text) {
  Grant grant;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool last = i + 1 == text.size();
    if (text[i] == '*') {
      if (!last) return std::unexpected("a `*` stands at the end; one of a name is written \\*");
      grant.prefix = true;
    } else if (text[i] == '\\') {
      if (last || (text[i + 1] != '*' && text[i + 1] != '\\')) {
        return std::unexpected("a backslash stands before `*` or another backslash");
      }
      grant.name += text[++i];
    } else {
      grant.name += text[i];
    }
  }
  return grant;
}

}  // namespace

std::string_view name_of(Action action) { return kActionNames[static_cast<size_t>(action)]; }

std::optional<Action> find_action(std::string_view name) {
  const auto found = std::ranges::find(kActionNames, name);
  if (found == kActionNames.end()) return std::nullopt;
  return static_cast<Action>(found - kActionNames.begin());
}

bool is_private_name(std::string_view name) {
  return std::ranges::any_of(kPrivateRoots,
                             [&](std::string_view root) { return name.starts_with(root); });
}

std::expected<std::vector<Grant>, std::string> parse_grants(std::string_view text) {
  const auto refuse = [&](const std::string& why) {
    return std::unexpected(
        fmt::format("\"{}\" is no grant: {}; one is ACTION,ACTION:PATTERN, such as "
                    "append,read:orders/*, or admin",
                    text.substr(0, 100), why));
  };
  const size_t colon = text.find(':');
  std::string_view actions = text.substr(0, colon);
  Grant pattern{.prefix = true};
  if (colon != std::string_view::npos) {
    auto parsed = parse_pattern(text.substr(colon + 1));
    if (!parsed) return refuse(parsed.error());
    if (parsed->name.empty() && !parsed->prefix) return refuse("its pattern is empty");
    pattern = std::move(*parsed);
  } else if (actions != name_of(Action::admin)) {
    return refuse("it has no pattern; every stream is *");
  }
  std::vector<Grant> grants;
  while (true) {
    const size_t comma = actions.find(',');
    const std::string_view word = actions.substr(0, comma);
    const auto action = find_action(word);
    if (!action) {
      return refuse(fmt::format("\"{}\" is no action; the actions are {}", word.substr(0, 64),
                                all_actions()));
    }
    pattern.action = *action;
    grants.push_back(pattern);
    if (comma == std::string_view::npos) break;
    actions.remove_prefix(comma + 1);
  }
  return grants;
}

std::string render_grant(const Grant& grant) {
  if (grant.action == Action::admin) return std::string(name_of(grant.action));
  std::string out(name_of(grant.action));
  out += ':';
  for (const char c : grant.name) {
    if (c == '*' || c == '\\') out += '\\';
    out += c;
  }
  if (grant.prefix) out += '*';
  return out;
}

std::expected<void, std::string> check_grants(const std::vector<Grant>& grants, size_t name_bytes) {
  if (grants.empty()) return std::unexpected("a key needs a grant: without one it allows nothing");
  if (grants.size() > kGrantsMax) {
    return std::unexpected(
        fmt::format("{} grants: a key has at most {}", grants.size(), kGrantsMax));
  }
  for (const Grant& grant : grants) {
    if (grant.action == Action::admin && (!grant.prefix || !grant.name.empty())) {
      return std::unexpected("admin is granted on everything, and on nothing less");
    }
    if (!grant.prefix && grant.name.empty()) return std::unexpected("a grant on an empty name");
    if (grant.name.size() > name_bytes) {
      return std::unexpected(fmt::format("a grant on a name of {} bytes: names have at most {}",
                                         grant.name.size(), name_bytes));
    }
    if (!is_plain_text(grant.name)) {
      return std::unexpected("a grant on a name with control characters, or that is not UTF-8");
    }
  }
  return {};
}

Grants::Grants(std::vector<Grant> grants) : list_(std::move(grants)) {
  for (const Grant& grant : list_) {
    const auto action = static_cast<size_t>(grant.action);
    if (grant.action == Action::admin) admin_ = true;
    if (!grant.prefix && grant.name == kAllName) everything_[action] = true;
    by_action_[action].push_back({grant.name, grant.prefix});
  }
}

bool Grants::allow(Action action, std::string_view name) const {
  if (allow_everything(action)) return true;
  return std::ranges::any_of(of(action), [&](const Pattern& pattern) {
    return pattern.prefix ? covers(pattern.text, name) : pattern.text == name;
  });
}

bool Grants::allow_all_below(Action action, std::string_view prefix) const {
  if (allow_everything(action)) return true;
  const bool meant = std::ranges::any_of(of(action), [&](const Pattern& pattern) {
    return pattern.prefix && covers(pattern.text, prefix);
  });
  if (!meant) return false;
  // What a shorter beginning leaves out has to be allowed by itself.
  return std::ranges::all_of(kPrivateRoots, [&](std::string_view root) {
    return root == prefix || !root.starts_with(prefix) || allow_all_below(action, root);
  });
}

bool Grants::allow_everything(Action action) const {
  return admin_ || everything_[static_cast<size_t>(action)];
}

bool Grants::allow_something(Action action) const { return admin_ || !of(action).empty(); }

}  // namespace strandline
