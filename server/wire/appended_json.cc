#include "server/wire/appended_json.h"

#include "server/http/problem.h"
#include "server/json/json_writer.h"
#include "server/wire/cloudevents.h"

namespace strandline::server {
namespace {

// Without the closing brace.
void begin_appended(std::string& out, const Appended& appended) {
  out += "{\"stream\":";
  render_string(out, appended.stream);
  out += ",\"first\":";
  append_number(out, appended.first.value);
  out += ",\"next\":";
  append_number(out, appended.next.value);
  out += ",\"sequence\":";
  append_number(out, appended.sequence.value);
  out += ",\"stored\":\"";
  out += render_time(appended.stored);
  out += '"';
  if (appended.retried) out += ",\"retried\":true";
}

}  // namespace

Response print_appended(Result<Appended> appended) {
  if (!appended) return problem(appended.error(), Asked::appending);
  Response response{.status = 201};
  response.headers = location(
      {"/v1/streams/", appended->stream, "/events?from=", std::to_string(appended->first.value)});
  response.body.reserve(192);
  begin_appended(response.body, *appended);
  response.body += ",\"durability\":\"";
  response.body += name_of(appended->durability);
  response.body += "\"}\n";
  return response;
}

Response print_nothing_appended(std::string_view stream) {
  Response response;
  response.body = "{\"stream\":";
  render_string(response.body, stream);
  response.body += ",\"events\":0}\n";
  return response;
}

Response print_appended_many(Result<std::vector<Appended>> appended) {
  if (!appended) return problem(appended.error(), Asked::appending);
  Response response{.status = 201};
  response.body += "{\"appends\":[";
  for (const Appended& one : *appended) {
    if (&one != appended->data()) response.body += ',';
    begin_appended(response.body, one);
    response.body += '}';
  }
  response.body += ']';
  if (!appended->empty()) {
    response.body += ",\"durability\":\"";
    response.body += name_of(appended->front().durability);
    response.body += '"';
  }
  response.body += "}\n";
  return response;
}

}  // namespace strandline::server
