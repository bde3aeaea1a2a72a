// GET /demo/{page}: the pages under examples/, where the server was asked to serve them. They are
// part of the program (demo_pages.h is made of them when it is built).
#include <algorithm>

#include "server/routes/demo_pages.h"
#include "server/routes/handlers.h"

namespace strandline::server {

void get_demo_page(Call call, Answer answer) {
  const auto& page = call.names[0];
  const auto found = std::ranges::find(kDemoPages, page, &DemoPage::name);
  if (!call.service.options.demo || found == std::end(kDemoPages)) {
    return answer.now(problem(404, "no-such-path",
                              "there is no such page: `strandline serve --demo` serves the demo"));
  }
  answer.now({.content_type = "text/html; charset=utf-8", .body = std::string(found->text)});
}

}  // namespace strandline::server
