// What stands in a request's target: the path, the query, and the grammar of its values; and the
// media types of its headers.
#include "server/http/query.h"

#include <array>

#include "engine/api/rfc3339.h"
#include "engine/base/check.h"
#include "fuzz/input.h"
#include "fuzz/target.h"
#include "server/http/media_type.h"
#include "server/routes/route_table.h"
#include "tools/base/place.h"

namespace strandline::server {
namespace {

void check_value(const std::string& text) {
  if (const auto number = parse_number(text)) {
    // Zeros in front are taken.
    const size_t begin = std::min(text.find_first_not_of('0'), text.size() - 1);
    CHECK_EQ(std::to_string(*number), text.substr(begin));
  }
  std::string encoded;
  append_percent_encoded(encoded, text);
  for (const bool plus_is_space : {false, true}) {
    const auto decoded = percent_decode(encoded, plus_is_space);
    CHECK_TRUE(decoded);
    CHECK_EQ(*decoded, text);
  }

  if (const auto time = parse_time(text)) {
    const auto again = parse_time(render_time(*time));
    CHECK_TRUE(again);
    CHECK_EQ(again->us, time->us);
  }
  const auto from = parse_from(text);
  if (!from) {
    CHECK_TRUE(!from.error().empty());
    return;
  }
  const auto again = parse_from(tools::render_from(*from));
  CHECK_TRUE(again);
  CHECK_TRUE(again->kind == from->kind);
  CHECK_EQ(again->number, from->number);
  CHECK_EQ(again->moment.us, from->moment.us);
}

void check_query(std::string_view text) {
  const auto query = Query::parse(text);
  if (!query) {
    CHECK_TRUE(!query.error().empty());
    return;
  }
  for (const std::string_view name : {"from", "limit", "follow", "type", "stream", "durability"}) {
    const auto all = query->all(name);
    const auto one = query->one(name);
    CHECK_EQ(bool(one), all.size() < 2);
    if (one && *one) CHECK_EQ(**one, all.front());
    if (const auto number = query->number(name); number && *number) CHECK_EQ(all.size(), 1u);
    (void)query->flag(name);
    for (const std::string& value : all) check_value(value);
  }
  (void)query->durability();
  const auto known = query->allow({"from", "limit"});
  if (!known) CHECK_TRUE(!known.error().empty());
}

void check_target(std::string_view method, std::string_view target) {
  const auto match = route_table().match(method, target);
  if (!match) {
    CHECK_TRUE(match.error().status == 204 || match.error().status >= 400);  // 204: of OPTIONS
    return;
  }
  CHECK_TRUE(match->route != nullptr);
  check_query(match->query);
}

void check_media_types(std::string_view header) {
  constexpr std::array<std::string_view, 3> kOffers = {"application/json", "application/x-ndjson",
                                                       "text/event-stream"};
  if (const auto best = negotiate(header, kOffers)) CHECK_LT(*best, kOffers.size());
  const MediaType type(header);
  const MediaType again(type.essence());
  CHECK_EQ(again.essence(), type.essence());
}

}  // namespace
}  // namespace strandline::server

FUZZ_TARGET(query) {
  using namespace strandline::server;
  strandline::fuzz::Input input(bytes);
  switch (input.byte() % 4) {
    case 0:
      return check_query(input.rest());
    case 1:
      return check_value(std::string(input.rest()));
    case 2: {
      const std::string_view method = input.up_to(' ');
      return check_target(method, input.rest());
    }
    default:
      return check_media_types(input.rest());
  }
}
