// How much each may take, so that a crowd of requests of one does not slow the others.
//
// Who asks has an *account*: by the name of its key (a ticket has its key's), or, without access
// control, by its address; of IPv6 by its /64, which one machine may have all of. An account has a
// token bucket for each rate: it holds a second's worth (of streams created, an hour's), and
// an append may take more bytes than are left, and owes them. Wrong secrets are counted by address,
// in buckets of their own.
//
// *Memory*: as many accounts of each kind (keys, addresses, addresses' wrong secrets) as
// kAccountsMax. When there are more, those go that lose nothing by it
// (nothing is under way, and their buckets are full); where all are busy, further addresses share
// one account. *Threads*: any.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/api/quota.h"
#include "server/connection/principal.h"
#include "server/connection/stored_bytes.h"
#include "server/http/response.h"

namespace strandline::server {

inline constexpr size_t kAccountsMax = 65'536;

// Filled evenly with time, up to what it holds.
class TokenBucket {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Takes so many where at least one is there (or so many, if `whole`). Else: in how long.
  std::optional<std::chrono::duration<double>> take(double amount, double per_s, double most,
                                                    bool whole, Time now);
  bool is_full(double per_s, double most, Time now);
  void owe(double amount) { tokens_ -= amount; }
  Time used() const { return filled_; }

 private:
  void fill(double per_s, double most, Time now);

  double tokens_ = 0;
  Time filled_ = {};  // never
};

class Account {
 public:
  // Null where it is not over; else the 429.
  // Of appended bytes it is enough that anything is left.
  std::optional<Response> charge(QuotaKind rate, uint64_t amount);
  // Takes it whether it is there or not.
  void owe(QuotaKind rate, uint64_t amount);
  void limit(const Quota& quota);
  std::vector<StoredQuota> stored();
  bool is_idle();

  // One of the connections or followers that are open, for as long as it lives.
  class Lease {
   public:
    Lease() = default;
    Lease(std::shared_ptr<Account> account, QuotaKind kind)
        : account_(std::move(account)), kind_(kind) {}
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&& other) noexcept;
    ~Lease() { give_back(); }

   private:
    void give_back();
    std::shared_ptr<Account> account_;
    QuotaKind kind_ = QuotaKind::connections;
  };

 private:
  friend class Quotas;
  std::mutex mutex_;  // guards all below
  Quota quota_;
  std::array<TokenBucket, kQuotaKinds> buckets_;
  std::array<uint64_t, kQuotaKinds> open_ = {};
  TokenBucket wrong_secrets_;
};
using AccountPointer = std::shared_ptr<Account>;

class Quotas {
 public:
  // `each`: of whoever has no quota of its own. `wrong_secrets`: so many of one address are looked
  // at, and then one a second; 0: all.
  // `stored`: what is stored under a prefix, for quotas of it.
  Quotas(Quota each, uint64_t wrong_secrets, StoredBytes::Measure stored)
      : each_(std::move(each)), wrong_secrets_(wrong_secrets), stored_(std::move(stored)) {}

  // Null: it has no quota.
  AccountPointer account_of(const Principal& principal, std::string_view address);
  // Counts a secret that was wrong. The 429, where there were too many: it says nothing of the
  // secret.
  std::optional<Response> wrong_secret(std::string_view address);
  // Where as many are open as may be, the 429.
  std::expected<Account::Lease, Response> open(const AccountPointer& account, QuotaKind kind);
  // Adds what is appended under each prefix of the account's quotas of what is stored: `amount`
  // says how much that is, or nothing, if it is not about that prefix. The 429, where one is over.
  std::optional<Response> charge_stored(
      const AccountPointer& account,
      const std::function<std::optional<uint64_t>(std::string_view prefix)>& amount);

  // For metrics: refused so, and for too many wrong secrets.
  uint64_t refused(QuotaKind kind) const { return refused_[static_cast<size_t>(kind)]; }
  uint64_t refused_stored() const { return refused_stored_; }
  uint64_t refused_secrets() const { return refused_secrets_; }
  void count(QuotaKind kind) { ++refused_[static_cast<size_t>(kind)]; }
  size_t accounts() const;

 private:
  // Apart, so that a crowd of addresses takes no room from keys.
  struct Table {
    std::mutex mutex = {};  // guards all below
    std::unordered_map<std::string, AccountPointer> accounts = {};
    AccountPointer crowd = std::make_shared<Account>();  // of those for whom there is no room
    std::chrono::steady_clock::time_point swept = {};
  };
  AccountPointer find(Table& table, const std::string& id, const Quota& quota);

  const Quota each_;
  const uint64_t wrong_secrets_;
  std::array<std::atomic<uint64_t>, kQuotaKinds> refused_ = {};
  std::atomic<uint64_t> refused_secrets_ = 0, refused_stored_ = 0;
  StoredBytes stored_;  // of all together: whoever has the prefix

  mutable Table keys_, addresses_, secrets_;
};

}  // namespace strandline::server
