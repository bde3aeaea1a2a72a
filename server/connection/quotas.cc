#include "server/connection/quotas.h"

#include <algorithm>
#include <cmath>

#include "server/http/forwarded.h"
#include "server/http/problem.h"
#include "server/http/quota_text.h"

namespace strandline::server {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr double kHourS = 3600;
// However long somebody goes on with wrong secrets, it is let in again within this.
constexpr double kWrongSecretsOwedMax = 60;
// What is owed is paid by then.
constexpr auto kWrongSecretsForgotten = std::chrono::minutes(2);

// Time alone makes no room: somebody has to truncate or delete something.
constexpr auto kStoredWait = std::chrono::seconds(30);

double per_second(QuotaKind kind, uint64_t limit) {
  return static_cast<double>(limit) / (kind == QuotaKind::streams ? kHourS : 1);
}

Response over_quota(std::string detail, Seconds wait) {
  Response response = problem(429, "over-quota", std::move(detail));
  const auto seconds = static_cast<uint64_t>(std::ceil(std::max(wait.count(), 0.0)));
  response.headers = "Retry-After: " + std::to_string(std::max<uint64_t>(seconds, 1)) + "\r\n";
  return response;
}

// One machine may have all addresses of a /64.
std::string account_address(std::string_view address) {
  auto ip = parse_ip_address(address);
  if (!ip || address.find(':') == std::string_view::npos) return std::string(address);
  std::fill(ip->begin() + 8, ip->end(), uint8_t{0});
  return render_ip_address(*ip);
}

}  // namespace

void TokenBucket::fill(double per_s, double most, Time now) {
  if (filled_ == Time()) {
    tokens_ = most;
  } else if (now > filled_) {
    tokens_ = std::min(most, tokens_ + Seconds(now - filled_).count() * per_s);
  }
  filled_ = std::max(filled_, now);
}

std::optional<Seconds> TokenBucket::take(double amount, double per_s, double most, bool whole,
                                         Time now) {
  fill(per_s, most, now);
  const double needed = whole ? std::min(amount, most) : std::min(1.0, most);
  if (tokens_ >= needed) {
    tokens_ -= amount;
    return std::nullopt;
  }
  return Seconds((needed - tokens_) / per_s);
}

bool TokenBucket::is_full(double per_s, double most, Time now) {
  if (filled_ == Time()) return true;
  fill(per_s, most, now);
  return tokens_ >= most;
}

// --- Accounts.

void Account::limit(const Quota& quota) {
  const std::lock_guard lock(mutex_);
  quota_ = quota;
}

std::optional<Response> Account::charge(QuotaKind rate, uint64_t amount) {
  const std::lock_guard lock(mutex_);
  const auto& limit = quota_.of(rate);
  if (!limit) return std::nullopt;
  const double per_s = per_second(rate, *limit);
  const auto wait = buckets_[static_cast<size_t>(rate)].take(
      static_cast<double>(amount), per_s, static_cast<double>(*limit), rate != QuotaKind::bytes,
      std::chrono::steady_clock::now());
  if (!wait) return std::nullopt;
  return over_quota("over the quota of " + render_quota([&] {
                      Quota one;
                      one.limits[static_cast<size_t>(rate)] = limit;
                      return one;
                    }()),
                    *wait);
}

void Account::owe(QuotaKind rate, uint64_t amount) {
  const std::lock_guard lock(mutex_);
  if (quota_.of(rate)) buckets_[static_cast<size_t>(rate)].owe(static_cast<double>(amount));
}

std::vector<StoredQuota> Account::stored() {
  const std::lock_guard lock(mutex_);
  return quota_.stored;
}

bool Account::is_idle() {
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  for (size_t kind = 0; kind < kQuotaKinds; ++kind) {
    if (open_[kind] > 0) return false;
    const auto& limit = quota_.limits[kind];
    if (!limit) continue;
    const double per_s = per_second(static_cast<QuotaKind>(kind), *limit);
    if (!buckets_[kind].is_full(per_s, static_cast<double>(*limit), now)) return false;
  }
  return now - wrong_secrets_.used() > kWrongSecretsForgotten;
}

Account::Lease& Account::Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    give_back();
    account_ = std::move(other.account_);
    kind_ = other.kind_;
  }
  return *this;
}

void Account::Lease::give_back() {
  if (!account_) return;
  const std::lock_guard lock(account_->mutex_);
  --account_->open_[static_cast<size_t>(kind_)];
}

// --- All of them.

AccountPointer Quotas::find(Table& table, const std::string& id, const Quota& quota) {
  const std::lock_guard lock(table.mutex);
  auto& accounts = table.accounts;
  if (const auto there = accounts.find(id); there != accounts.end()) {
    there->second->limit(quota);
    return there->second;
  }
  const auto now = std::chrono::steady_clock::now();
  if (accounts.size() >= kAccountsMax && now - table.swept > std::chrono::seconds(1)) {
    table.swept = now;
    std::erase_if(accounts, [](const auto& one) {
      return one.second.use_count() == 1 && one.second->is_idle();
    });
  }
  if (accounts.size() >= kAccountsMax) {
    table.crowd->limit(quota);
    return table.crowd;
  }
  auto made = std::make_shared<Account>();
  made->limit(quota);
  accounts.emplace(id, made);
  return made;
}

AccountPointer Quotas::account_of(const Principal& principal, std::string_view address) {
  const ApiKeyPointer& key = principal.key();
  const Quota quota = key ? key->quota.over(each_) : each_;
  if (!quota.any()) return nullptr;
  if (!key) return find(addresses_, account_address(address), quota);
  // No key's name has a line in it.
  return find(keys_, principal.signer() ? "token\n" + key->name : key->name, quota);
}

std::optional<Response> Quotas::wrong_secret(std::string_view address) {
  if (wrong_secrets_ == 0) return std::nullopt;
  const AccountPointer account = find(secrets_, account_address(address), {});
  const std::lock_guard lock(account->mutex_);
  const auto now = std::chrono::steady_clock::now();
  const auto most = static_cast<double>(wrong_secrets_);
  const auto wait = account->wrong_secrets_.take(1, 1, most, true, now);
  if (!wait) return std::nullopt;
  ++refused_secrets_;
  // Each further one costs as much as the last: whoever goes on waits longer.
  if (wait->count() < kWrongSecretsOwedMax) account->wrong_secrets_.owe(1);
  return over_quota("too many wrong secrets came from this address", *wait);
}

std::expected<Account::Lease, Response> Quotas::open(const AccountPointer& account,
                                                     QuotaKind kind) {
  if (!account) return Account::Lease();
  const std::lock_guard lock(account->mutex_);
  const auto& limit = account->quota_.of(kind);
  uint64_t& open = account->open_[static_cast<size_t>(kind)];
  if (limit && open >= *limit) {
    count(kind);
    return std::unexpected(over_quota("over the quota of " + std::to_string(*limit) + " " +
                                          std::string(name_of(kind)) + " at a time",
                                      Seconds(1)));
  }
  ++open;
  return Account::Lease(account, kind);
}

std::optional<Response> Quotas::charge_stored(
    const AccountPointer& account,
    const std::function<std::optional<uint64_t>(std::string_view prefix)>& amount) {
  if (!account) return std::nullopt;
  for (StoredQuota& one : account->stored()) {
    const auto bytes = amount(one.prefix);
    if (!bytes) continue;
    const auto stored =
        stored_.add(one.prefix, *bytes, one.bytes, std::chrono::steady_clock::now());
    if (!stored) continue;
    ++refused_stored_;
    std::string detail = std::to_string(*stored) + " bytes are stored";
    if (*bytes > 0) detail += ", and this would add " + std::to_string(*bytes);
    Quota quota;
    quota.stored.push_back(std::move(one));
    return over_quota("over the quota of " + render_quota(quota) + ": " + detail, kStoredWait);
  }
  return std::nullopt;
}

size_t Quotas::accounts() const {
  size_t count = 0;
  for (Table* table : {&keys_, &addresses_, &secrets_}) {
    const std::lock_guard lock(table->mutex);
    count += table->accounts.size();
  }
  return count;
}

}  // namespace strandline::server
