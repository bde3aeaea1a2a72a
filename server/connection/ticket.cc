#include "server/connection/ticket.h"

#include <algorithm>

#include "engine/format/keys.h"
#include "server/base/secret.h"

namespace strandline::server {
namespace {

constexpr std::string_view kTicketPrefix = "strt_";
constexpr size_t kTicketBytesMax = 8 << 10;  // of a target: see request_line_bytes_max
constexpr size_t kCodeBytes = 32;
constexpr uint8_t kTicketVersion = 1;
constexpr char kNoTicket[] = "the ticket is none that is good: it may have expired";

void append_hex(std::string& out, std::string_view bytes) {
  constexpr char kTicketDigits[] = "0123456789abcdef";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kTicketDigits[byte >> 4];
    out += kTicketDigits[byte & 15];
  }
}

int ticket_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::optional<std::string> bytes_of_hex(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  std::string out;
  for (size_t i = 0; i < hex.size(); i += 2) {
    const int high = ticket_digit(hex[i]), low = ticket_digit(hex[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high << 4 | low);
  }
  return out;
}

void put_text(std::string& out, std::string_view text) {
  put_le<uint16_t>(out, static_cast<uint16_t>(text.size()));
  out += text;
}

void put_grants(std::string& out, const std::vector<Grant>& grants) {
  put_le<uint16_t>(out, static_cast<uint16_t>(grants.size()));
  for (const Grant& grant : grants) {
    put_le<uint8_t>(out, static_cast<uint8_t>(grant.action));
    put_le<uint8_t>(out, grant.prefix ? 1 : 0);
    put_text(out, grant.name);
  }
}

// What is signed: version u8, until i64 in us, the name of the key, or the token's subject; the
// ticket's grants, and of a token also the thumbprint of its key, and the token's own grants. A
// text is its length in a u16, and the bytes; grants are their count in a u16, and each.
struct TicketMessage {
  std::string name;
  std::vector<Grant> grants;
  Timestamp until;
  std::string signer = {};  // of a token
  std::vector<Grant> token_grants = {};

  std::string text() const {
    std::string out;
    put_le<uint8_t>(out, kTicketVersion);
    put_le<int64_t>(out, until.us);
    put_text(out, name);
    put_grants(out, grants);
    if (signer.empty()) return out;
    put_text(out, signer);
    put_grants(out, token_grants);
    return out;
  }
};

// What is left to read of a message.
class MessageReader {
 public:
  explicit MessageReader(std::string_view bytes) : bytes_(bytes) {}

  bool read(TicketMessage& message) {
    uint8_t version = 0;
    if (!number(version) || version != kTicketVersion || !number(message.until.us) ||
        !text(message.name) || !grants(message.grants)) {
      return false;
    }
    return bytes_.empty() ||
           (text(message.signer) && grants(message.token_grants) && bytes_.empty());
  }

 private:
  template <class T>
  bool number(T& into) {
    if (bytes_.size() < sizeof(T)) return false;
    into = get_le<T>(bytes_, 0);
    bytes_.remove_prefix(sizeof(T));
    return true;
  }
  bool text(std::string& into) {
    uint16_t size = 0;
    if (!number(size) || bytes_.size() < size) return false;
    into = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return true;
  }
  bool grants(std::vector<Grant>& into) {
    uint16_t count = 0;
    if (!number(count)) return false;
    for (; count > 0; --count) {
      uint8_t action = 0, prefix = 0;
      std::string name;
      if (!number(action) || !number(prefix) || !text(name)) return false;
      if (action >= kActions || prefix > 1) return false;
      into.push_back({static_cast<Action>(action), prefix == 1, std::move(name)});
    }
    return true;
  }

  std::string_view bytes_;
};

// Of a token's grants, those that a ticket with these may use.
std::vector<Grant> of_use(const std::vector<Grant>& all, const std::vector<Grant>& grants) {
  std::vector<Grant> used;
  for (const Grant& one : all) {
    const bool same =
        std::ranges::any_of(grants, [&](const Grant& grant) { return grant.action == one.action; });
    if (same || one.action == Action::admin) used.push_back(one);
  }
  return used;
}

}  // namespace

std::optional<std::string> make_ticket(const Principal& principal, const std::vector<Grant>& grants,
                                       Timestamp until, std::string_view secret) {
  TicketMessage message{.name = principal.key()->name, .grants = grants, .until = until};
  const TokenKeyPointer& signer = principal.signer();
  if (signer) {
    message.signer = signer->thumbprint();
    message.token_grants = of_use(principal.key()->grants.list(), grants);
  }
  const std::string text = message.text();
  std::string out(kTicketPrefix);
  append_hex(out, authentication_code(signer ? secret : principal.digest(), text));
  append_hex(out, text);
  if (out.size() > kTicketBytesMax) return std::nullopt;
  return out;
}

std::expected<Principal, std::string> read_ticket(std::string_view ticket, const TicketKeys& known,
                                                  Timestamp now) {
  const auto refused = std::unexpected(std::string(kNoTicket));
  if (!ticket.starts_with(kTicketPrefix) || ticket.size() > kTicketBytesMax) return refused;
  const auto bytes = bytes_of_hex(ticket.substr(kTicketPrefix.size()));
  if (!bytes || bytes->size() < kCodeBytes) return refused;
  const std::string_view code = std::string_view(*bytes).substr(0, kCodeBytes);
  const std::string_view text = std::string_view(*bytes).substr(kCodeBytes);
  TicketMessage message;
  if (!MessageReader(text).read(message)) return refused;
  if (!message.signer.empty()) {
    if (!are_same_bytes(authentication_code(known.secret, text), code)) return refused;
    TokenKeyPointer signer = known.tokens ? known.tokens->key(message.signer) : nullptr;
    if (!signer || now >= message.until) return refused;
    auto identity = std::make_shared<const ApiKey>(
        ApiKey{.name = std::move(message.name), .grants = Grants(std::move(message.token_grants))});
    return Principal(std::move(identity), std::move(signer), Grants(std::move(message.grants)),
                     message.until);
  }
  ApiKeyPointer key = known.keys.find(message.name);
  if (!key) return refused;
  for (const std::string& digest : {key->digest, key->old_digest}) {
    if (digest.empty() || !are_same_bytes(authentication_code(digest, text), code)) continue;
    if (!key->holds(digest, now) || now >= message.until) return refused;
    return Principal(std::move(key), digest, Grants(std::move(message.grants)), message.until);
  }
  return refused;
}

}  // namespace strandline::server
