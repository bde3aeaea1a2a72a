#include "server/routes/page.h"

#include "server/http/problem.h"

namespace strandline::server {
namespace {

// The place of the first event not printed, when a page ends within a run.
uint64_t place_within(const Events& events, uint32_t printed, bool by_sequence) {
  const uint64_t lowest = by_sequence ? events.sequence().value : events.first().value;
  return events.backward() ? lowest + events.count() - printed : lowest + printed;
}

void append_header(std::string& headers, std::string_view name, uint64_t number) {
  headers += name;
  headers += ": ";
  append_number(headers, number);
  headers += "\r\n";
}

}  // namespace

Response read_page(const Service& service, const Principal& principal, ReadOptions read,
                   Form& form) {
  const Log& log = service.log;
  const ServerOptions& options = service.options;
  const bool by_sequence = read.select.kind != Selection::Kind::stream;
  const std::string stream = by_sequence ? std::string(kAllName) : read.select.names[0];
  read.bytes_max = options.page_bytes_max;
  auto cursor = log.read(std::move(read));
  if (!cursor) return problem(cursor.error(), Asked::reading);

  const auto is_hidden = [&](std::string_view name) {
    return by_sequence && !name.empty() && !principal.may(Action::read, name);
  };
  Response page{.content_type = form.media_type()};
  form.open_page(page.body);
  uint64_t next = (*cursor)->position();
  while (page.body.size() < options.page_bytes_max) {
    auto delivery = (*cursor)->next();
    if (!delivery) return problem(delivery.error(), Asked::reading);
    next = (*cursor)->position();
    if (!*delivery) break;
    if (const auto* events = std::get_if<Events>(&**delivery)) {
      if (is_hidden(events->stream())) continue;
      const uint32_t printed = form.events(page.body, *events, 0, options.page_bytes_max);
      if (printed < events->count()) next = place_within(*events, printed, by_sequence);
    } else if (const auto* gap = std::get_if<Gap>(&**delivery)) {
      if (is_hidden(gap->stream)) continue;
      form.gap(page.body, *gap);
    }
  }

  // After the page, so that `tail` is never below `next`.
  const auto available = log.available(stream).value_or(Available{next, next});
  form.close_page(page.body, next, available);
  append_header(page.headers, "Strandline-Next", next);
  append_header(page.headers, "Strandline-Start", available.start);
  append_header(page.headers, "Strandline-Tail", available.tail);
  return page;
}

}  // namespace strandline::server
