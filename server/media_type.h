// Media types (RFC 9110, sections 8.3 and 12.5.1): what a Content-Type says, and what an Accept
// header prefers.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace strandline::server {

// "Text/HTML; charset=x" is "text/html".
class MediaType {
 public:
  explicit MediaType(std::string_view header);

  const std::string& essence() const { return essence_; }
  bool is(std::string_view essence) const { return essence_ == essence; }
  bool is_json() const {
    return is("application/json") || is("text/json") || essence_.ends_with("+json");
  }
  bool is_text() const { return essence_.starts_with("text/"); }

 private:
  std::string essence_;
};

// Which of the offers an Accept header likes best: the highest q; among equals the one that the
// header names first, and for a wildcard the first offer. No header accepts everything.
std::optional<size_t> negotiate(std::string_view accept, std::span<const std::string_view> offers);

}  // namespace strandline::server
