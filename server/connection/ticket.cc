#include "server/connection/ticket.h"

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

// What is signed: version u8, until i64 in us, the key's name and then each grant; a text is its
// length in a u16, and the bytes.
std::string message_of(std::string_view key, const std::vector<Grant>& grants, Timestamp until) {
  std::string out;
  put_le<uint8_t>(out, kTicketVersion);
  put_le<int64_t>(out, until.us);
  const auto text = [&](std::string_view one) {
    put_le<uint16_t>(out, static_cast<uint16_t>(one.size()));
    out += one;
  };
  text(key);
  for (const Grant& grant : grants) {
    put_le<uint8_t>(out, static_cast<uint8_t>(grant.action));
    put_le<uint8_t>(out, grant.prefix ? 1 : 0);
    text(grant.name);
  }
  return out;
}

struct ParsedTicket {
  std::string key;
  std::vector<Grant> grants;
  Timestamp until;
};

std::optional<ParsedTicket> parse_message(std::string_view bytes) {
  ParsedTicket ticket;
  const auto text = [&]() -> std::optional<std::string> {
    if (bytes.size() < 2) return std::nullopt;
    const size_t size = get_le<uint16_t>(bytes, 0);
    if (bytes.size() < 2 + size) return std::nullopt;
    std::string out(bytes.substr(2, size));
    bytes.remove_prefix(2 + size);
    return out;
  };
  if (bytes.size() < 9 || get_le<uint8_t>(bytes, 0) != kTicketVersion) return std::nullopt;
  ticket.until.us = get_le<int64_t>(bytes, 1);
  bytes.remove_prefix(9);
  auto key = text();
  if (!key) return std::nullopt;
  ticket.key = std::move(*key);
  while (!bytes.empty()) {
    if (bytes.size() < 4) return std::nullopt;
    const auto action = get_le<uint8_t>(bytes, 0), prefix = get_le<uint8_t>(bytes, 1);
    bytes.remove_prefix(2);
    auto name = text();
    if (!name || action >= kActions || prefix > 1) return std::nullopt;
    ticket.grants.push_back({static_cast<Action>(action), prefix == 1, std::move(*name)});
  }
  return ticket;
}

}  // namespace

std::string make_ticket(const Principal& principal, const std::vector<Grant>& grants,
                        Timestamp until) {
  const std::string message = message_of(principal.key()->name, grants, until);
  std::string out(kTicketPrefix);
  append_hex(out, authentication_code(principal.digest(), message));
  append_hex(out, message);
  return out;
}

std::expected<Principal, std::string> read_ticket(std::string_view ticket, const ApiKeys& keys,
                                                  Timestamp now) {
  const auto refused = std::unexpected(std::string(kNoTicket));
  if (!ticket.starts_with(kTicketPrefix) || ticket.size() > kTicketBytesMax) return refused;
  const auto bytes = bytes_of_hex(ticket.substr(kTicketPrefix.size()));
  if (!bytes || bytes->size() < kCodeBytes) return refused;
  const std::string_view code = std::string_view(*bytes).substr(0, kCodeBytes);
  const std::string_view message = std::string_view(*bytes).substr(kCodeBytes);
  auto parsed = parse_message(message);
  if (!parsed) return refused;
  ApiKeyPointer key = keys.find(parsed->key);
  if (!key) return refused;
  for (const std::string& digest : {key->digest, key->old_digest}) {
    if (digest.empty() || !are_same_bytes(authentication_code(digest, message), code)) continue;
    if (!key->holds(digest, now) || now >= parsed->until) return refused;
    return Principal(std::move(key), digest, Grants(std::move(parsed->grants)), parsed->until);
  }
  return refused;
}

}  // namespace strandline::server
