// Quotas as people write them: requests=100/s,bytes=1MB/s,connections=10,followers=5,streams=20/h,
// stored=1GB:orders/*. In the last, `\*`, `\\` and `\,` are a star, a backslash and a comma of a
// name. *Errors*: a sentence. *Threads*: any.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "engine/api/quota.h"

namespace strandline::server {

// Empty: nothing is limited.
std::expected<Quota, std::string> parse_quota(std::string_view text);
// So that it reads the same again.
std::string render_quota(const Quota& quota);
std::string_view name_of(QuotaKind kind);

}  // namespace strandline::server
