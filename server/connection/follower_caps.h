// How many followers one address, and one principal, may have open at a time.
//
// Beside quotas (quotas.h), which a key may have of its own: these hold for everybody. Behind a
// proxy that is not trusted all clients have one address. *Threads*: any. *Lifetime*: it outlives
// its leases.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "engine/api/administration.h"
#include "server/http/problem.h"

namespace strandline::server {

class FollowerCaps {
 public:
  // 0: as many as there may be connections.
  FollowerCaps(uint64_t per_address, uint64_t per_principal)
      : per_address_(per_address), per_principal_(per_principal) {}

  using Lease = std::shared_ptr<void>;
  // The 429, where as many are open as may be.
  std::expected<Lease, Response> open(const Actor& who) {
    std::string address, principal;
    if (per_address_ > 0) address = "a" + who.from;
    // Who shows nothing is its address.
    if (per_principal_ > 0 && who.kind != Actor::Kind::address) principal = "p" + who.name;
    const std::lock_guard lock(mutex_);
    if (is_full(address, per_address_)) return refusal("its address", per_address_);
    if (is_full(principal, per_principal_)) return refusal("its principal", per_principal_);
    if (address.empty() && principal.empty()) return nullptr;
    for (const std::string& one : {address, principal}) {
      if (!one.empty()) ++open_[one];
    }
    return Lease(nullptr, [this, address, principal](void*) {
      const std::lock_guard guard(mutex_);
      for (const std::string& one : {address, principal}) {
        if (!one.empty() && --open_[one] == 0) open_.erase(one);
      }
    });
  }

 private:
  bool is_full(const std::string& who, uint64_t most) const {
    const auto found = who.empty() ? open_.end() : open_.find(who);
    return found != open_.end() && found->second >= most;
  }
  static std::unexpected<Response> refusal(const std::string& of, uint64_t most) {
    Response response = problem(
        429, "over-quota",
        of + " has " + std::to_string(most) + " followers open, and may have no more: close one");
    response.headers = "Retry-After: 10\r\n";
    return std::unexpected(std::move(response));
  }

  const uint64_t per_address_, per_principal_;
  std::mutex mutex_;  // guards open_
  std::unordered_map<std::string, uint64_t> open_;
};

}  // namespace strandline::server
