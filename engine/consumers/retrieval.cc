#include "engine/consumers/retrieval.h"

#include <algorithm>

#include "engine/consumers/scout.h"
#include "engine/reading/cursors.h"

namespace strandline {
namespace {

// Takes what was given of a run of events that begins at `first`: copies it, as few runs as can be.
void take(const Events& events, uint64_t first, const std::vector<Given>& given, size_t& at,
          Fetched& fetched) {
  const uint64_t end = first + events.count();
  bool copied = false;
  while (at < given.size() && given[at].position < end) {
    const size_t begin = at;
    const uint32_t skip = static_cast<uint32_t>(given[begin].position - first);
    while (at < given.size() && given[at].position < end &&
           given[at].position - given[begin].position == at - begin &&
           given[at].attempt == given[begin].attempt) {
      ++at;
    }
    if (!copied) fetched.bytes.emplace_back(events.flatbuffer());
    copied = true;
    fetched.runs.push_back(
        events.part(fetched.bytes.back(), skip, static_cast<uint32_t>(at - begin)));
    fetched.given.insert(fetched.given.end(), given.begin() + static_cast<ptrdiff_t>(begin),
                         given.begin() + static_cast<ptrdiff_t>(at));
  }
}

}  // namespace

Result<Retrieved> retrieve(const LogState& log, const ConsumerSettings& settings,
                           const std::vector<Given>& given) {
  // Beyond this many events that are not wanted, looking up the next one is quicker.
  constexpr uint64_t kReadThrough = 256;
  const bool one_stream = settings.select.kind == Selection::Kind::stream;
  Retrieved out;
  std::unique_ptr<Cursor> cursor;
  for (size_t at = 0; at < given.size();) {
    const uint64_t wanted = given[at].position;
    if (!cursor || cursor->position() > wanted || wanted - cursor->position() > kReadThrough) {
      auto opened = open_cursor(log, reading_of(settings, wanted));
      if (!opened) return std::unexpected(std::move(opened.error()));
      cursor = std::move(opened->cursor);
    }
    auto delivery = cursor->next();
    if (!delivery) return std::unexpected(std::move(delivery.error()));
    const auto* events = *delivery ? std::get_if<Events>(&**delivery) : nullptr;
    if (events) {
      take(*events, one_stream ? events->first().value : events->sequence().value, given, at,
           out.fetched);
    }
    auto* gap = *delivery ? std::get_if<Gap>(&**delivery) : nullptr;
    const bool wants_it = at < given.size() && given[at].position < cursor->position();
    // What the cursor has passed without giving it is gone.
    while (at < given.size() && given[at].position < cursor->position()) {
      out.gone.push_back(given[at++].position);
    }
    // Gaps in which nothing was given out were told with the assignment.
    if (gap && wants_it) out.fetched.gaps.push_back(std::move(*gap));
    if (!*delivery && at < given.size()) {
      return fail(Code::corrupt, "a consumer was given an event beyond the tail");
    }
  }
  return out;
}

}  // namespace strandline
