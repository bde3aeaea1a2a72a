#include "server/http/media_type.h"

#include <cstdlib>

namespace strandline::server {
namespace {

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// Cuts off and returns what stands before `separator`.
std::string_view cut(std::string_view& text, char separator) {
  const size_t end = text.find(separator);
  const std::string_view part = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return trimmed(part);
}

// 0 to 1000; 1000 where there is no q.
int quality(std::string_view parameters) {
  while (!parameters.empty()) {
    const std::string_view parameter = cut(parameters, ';');
    if (!parameter.starts_with("q=") && !parameter.starts_with("Q=")) continue;
    // 0 to 1 with at most three decimals (RFC 9110, section 12.4.2); anything else is nothing.
    const std::string number(parameter.substr(2, 8));
    const double q = std::strtod(number.c_str(), nullptr);
    return q >= 0 && q <= 1 ? static_cast<int>(q * 1000) : 0;
  }
  return 1000;
}

// 0: not at all; 1: through */*; 2: through type/*; 3: by name.
int specificity(std::string_view range, std::string_view offer) {
  if (range == offer) return 3;
  if (range == "*/*" || range == "*") return 1;
  if (range.ends_with("/*") && offer.starts_with(range.substr(0, range.size() - 1))) return 2;
  return 0;
}

}  // namespace

std::optional<size_t> negotiate(std::string_view accept, std::span<const std::string_view> offers) {
  if (trimmed(accept).empty()) return 0;
  std::optional<size_t> best;
  int best_quality = 0;
  size_t best_place = 0;
  for (size_t i = 0; i < offers.size(); ++i) {
    // The most specific range that names an offer is the one that counts for it.
    int found = 0, found_quality = 0;
    size_t place = 0, found_place = 0;
    for (std::string_view rest = accept; !rest.empty(); ++place) {
      std::string_view parameters = cut(rest, ',');
      const MediaType range(cut(parameters, ';'));
      const int how = specificity(range.essence(), offers[i]);
      if (how > found) {
        found = how;
        found_quality = quality(parameters);
        found_place = place;
      }
    }
    if (found_quality == 0) continue;
    if (!best || found_quality > best_quality ||
        (found_quality == best_quality && found_place < best_place)) {
      best = i;
      best_quality = found_quality;
      best_place = found_place;
    }
  }
  return best;
}

}  // namespace strandline::server
