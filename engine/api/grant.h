// A grant: one action on the streams whose names fit a pattern; and what several of them allow.
//
// A pattern is a name, or the beginning of names: the empty beginning is every name. Names that
// begin with `$` (reserved) or with `private-` or `presence-` (private channels) are left out of
// every beginning that does not itself begin so: `*` and `p*` allow none of them, `private-*` and
// `private-room` do. The name `$all` stands for everything that a log holds, and no beginning
// stands for it. `admin` allows every action on everything. *Threads*: pure values. *Errors*: a
// sentence.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace strandline {

// What may be allowed.
enum class Action : uint8_t {
  read,
  append,
  consume,
  publish,
  subscribe,
  presence,
  manage,
  audit,
  admin,
};
inline constexpr size_t kActions = static_cast<size_t>(Action::admin) + 1;

std::string_view name_of(Action action);
std::optional<Action> find_action(std::string_view name);

struct Grant {
  Action action = Action::read;
  bool prefix = false;    // `name` is the beginning of names; of `admin`, always the empty one
  std::string name = {};  // a stream's, or what names begin with
  bool operator==(const Grant&) const = default;
};

// Whether a name is left out of patterns that do not say so.
bool is_private_name(std::string_view name);

// As people write it: "append,read:orders/*" is two grants. What follows the first colon is a
// pattern: a name, a beginning and `*`, or `*`. `\*` is a star of a name, `\\` a backslash. Commas
// and colons are part of the name. `admin` has no pattern.
std::expected<std::vector<Grant>, std::string> parse_grants(std::string_view text);
// One grant, so that it reads the same again.
std::string render_grant(const Grant& grant);

// What may stand in a key: as many as kGrantsMax, each name as long as a stream's.
inline constexpr size_t kGrantsMax = 1'000;
std::expected<void, std::string> check_grants(const std::vector<Grant>& grants, size_t name_bytes);

class Grants {
 public:
  Grants() = default;
  explicit Grants(std::vector<Grant> grants);

  bool allow(Action action, std::string_view name) const;
  // Every name that begins so, whether there is one or not.
  bool allow_all_below(Action action, std::string_view prefix) const;
  // Everything, now and later.
  bool allow_everything(Action action) const;
  // At least one name.
  bool allow_something(Action action) const;
  bool is_admin() const { return admin_; }

  const std::vector<Grant>& list() const { return list_; }

 private:
  struct Pattern {
    std::string text;
    bool prefix;
  };
  const std::vector<Pattern>& of(Action action) const {
    return by_action_[static_cast<size_t>(action)];
  }

  std::vector<Grant> list_;
  std::array<std::vector<Pattern>, kActions> by_action_;
  std::array<bool, kActions> everything_ = {};
  bool admin_ = false;
};

}  // namespace strandline
